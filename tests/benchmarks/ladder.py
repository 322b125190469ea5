"""The ladder as a picture and as a table: what each prior draws, and how sure a classifier of real digits is of it.

`python -m tests.benchmarks.ladder --out DIR --sheet ladder.png`: samples of each prior of one MNIST model (K = 128), beside real test
pictures and their reconstructions. The classifiers are scikit-learn's, trained on the pixels of real training pictures: a random
forest, whose confidence is its trees' share of votes, and a multilayer perceptron. `DIR` keeps the runs, the same as for `priors`.
A classifier that is sure of a picture does not prove it good: it may be sure of nonsense, so the real pictures stand beside.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tests.benchmarks.common import options, report
from tests.benchmarks.rungs import PRIORS, Bench
from vqcore.analysis.load import Loaded, load_model, load_prior, one_thread
from vqcore.models.draw import draw_codes
from vqcore.priors.sampling import sample, surprise
from vqcore.training.evaluation import to_model, validation_order

CONFIDENT = 0.9
COLUMNS, SCALE, GAP, LABEL = 16, 2, 4, 190  # of the sheet, pixels
Pictures = NDArray[np.uint8]


def sources(bench: Bench, K: int, n: int, seed: int) -> tuple[Loaded, dict[str, Pictures], dict[str, float]]:
    """The model, `n` pictures (n, H, W, C) from each rung, then reconstructions and real ones; mean bits of each rung's samples."""
    parent = bench.model(K)
    loaded = load_model(parent)
    found: dict[str, Pictures] = {}
    bits: dict[str, float] = {}
    with one_thread():
        for name in PRIORS:
            prior = load_prior(bench.prior(parent, name))
            rows = sample(prior.prior, n, seed=seed)
            found[name] = draw_codes(prior.frozen.model, prior.codes.layout, rows)
            bits[name] = float(surprise(prior.prior, rows).sum(axis=1).mean())
        x = loaded.dataset.x[validation_order(loaded.dataset)[:n]]
        with torch.no_grad():
            rebuilt = torch.cat([loaded.model(to_model(part)).x_hat for part in torch.from_numpy(x).split(256)])
    found["reconstructions"] = np.ascontiguousarray(rebuilt.mul(255).round().to(torch.uint8).movedim(1, -1).numpy())
    found["real test pictures"] = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return loaded, found, bits


def classifiers(loaded: Loaded, *, quick: bool) -> dict[str, Any]:
    """Trained on the pixels of all training pictures, in [0, 1]."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    dataset = loaded.dataset
    x, y = _flat(dataset.x[dataset.train]), next(iter(dataset.labels.values())).values[dataset.train]
    found = {
        "forest": RandomForestClassifier(10 if quick else 200, random_state=0),
        "perceptron": MLPClassifier((256,), max_iter=2 if quick else 12, batch_size=200, random_state=0),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is stopped on purpose
        for classifier in found.values():
            classifier.fit(x, y)
    return found


def judged(pictures: Pictures, judges: dict[str, Any]) -> dict[str, float]:
    """For each classifier: its mean confidence in its first answer, and the share of pictures of which it is confident."""
    figures: dict[str, float] = {}
    for name, classifier in judges.items():
        sure = classifier.predict_proba(_flat(pictures)).max(axis=1)
        figures |= {f"{name}_confidence": float(sure.mean()), f"{name}_confident_share": float((sure >= CONFIDENT).mean())}
    return figures


def accuracy(loaded: Loaded, judges: dict[str, Any]) -> dict[str, float]:
    """Share of all validation pictures that each classifier gets right."""
    dataset = loaded.dataset
    x, y = _flat(dataset.x[dataset.validation]), next(iter(dataset.labels.values())).values[dataset.validation]
    return {f"{name}_accuracy": float(classifier.score(x, y)) for name, classifier in judges.items()}


def sheet(rungs: dict[str, Pictures]) -> Image.Image:
    """One row a source, its name on the left; the first pictures as they come, none chosen."""
    height, width = (SCALE * size for size in next(iter(rungs.values())).shape[1:3])
    canvas = Image.new("RGB", (LABEL + COLUMNS * (width + GAP), len(rungs) * (height + GAP) + GAP), "white")
    font = ImageFont.load_default(size=16)
    for row, (name, pictures) in enumerate(rungs.items()):
        top = GAP + row * (height + GAP)
        ImageDraw.Draw(canvas).text((8, top + height // 2), name, fill="black", font=font, anchor="lm")
        for column, picture in enumerate(pictures[:COLUMNS]):
            tile = Image.fromarray(np.broadcast_to(picture, (*picture.shape[:2], 3)).copy())
            canvas.paste(tile.resize((width, height), Image.Resampling.NEAREST), (LABEL + column * (width + GAP), top))
    return canvas


def _flat(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    return pictures.reshape(len(pictures), -1).astype(np.float32) / np.float32(255)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--K", type=int, default=128, help="the codebook")
    parser.add_argument("--n", type=int, default=2000, help="pictures of each source that are classified")
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--threads", type=int, default=1, help="of torch, in training")
    parser.add_argument("--out", type=Path, help="where runs are kept; otherwise they go at the end")
    parser.add_argument("--sheet", type=Path, help="write the picture to this PNG")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        bench = Bench(arguments.out or Path(scratch), arguments.threads, arguments.quick)
        loaded, rungs, bits = sources(bench, arguments.K, 20 if arguments.quick else arguments.n, arguments.seed)
    if arguments.sheet:
        sheet(rungs).save(arguments.sheet)
    judges = classifiers(loaded, quick=arguments.quick)
    right = accuracy(loaded, judges)
    rows = [{"source": name, "bits": bits.get(name)} | judged(pictures, judges) | right for name, pictures in rungs.items()]
    report("The ladder" if not arguments.quick else "The ladder (quick: digits, not for figures)", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
