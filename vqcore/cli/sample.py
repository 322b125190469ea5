"""`sample`: draw from a trained prior, as a sheet of pictures or as grids of codes."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vqcore.cli.console import console
from vqcore.cli.paths import file_to_write, run_named
from vqcore.errors import ConfigError, RunError
from vqcore.runs.codes import CodeSet
from vqcore.runs.files import write_bytes

TILE = 56  # pixels of a picture on the sheet, at least
PAPER = 255


def run(named: str, *, n: int, out: Path, temperature: float, top_k: int, seed: int, label: str) -> None:
    """Write `n` samples of the prior's run (its folder or id) to `out`: `.png` is a sheet, `.npz` the grids.

    Raises ConfigError, RunError, GridError.
    """
    if out.suffix not in (".png", ".npz"):
        raise ConfigError(f"--out {out}: a name that ends in .png for a sheet of pictures, or in .npz for the grids of codes.")
    target = file_to_write(out, "--out")
    from vqcore.analysis.load import load_prior
    from vqcore.models.draw import draw_codes
    from vqcore.priors.sampling import sample, surprise

    loaded = load_prior(run_named(named))
    layout = loaded.codes.layout
    labels = _labels(label, loaded.codes, n, conditional=loaded.prior.conditional)
    rows = sample(loaded.prior, n, labels=labels, temperature=temperature, top_k=top_k, seed=seed)
    bits = surprise(loaded.prior, rows, labels).sum(axis=1)
    if out.suffix == ".npz":
        grids = {f"codes_{grid.name}": codes for grid, codes in zip(layout.grids, layout.split(rows), strict=True)}
        given = np.full(n, -1) if labels is None else labels
        data = _archive({**grids, "bits": bits, "labels": given, "label_names": np.array(loaded.codes.label_names, dtype=np.str_)})
    else:
        pictures = draw_codes(loaded.frozen.model, layout, rows)
        if pictures.ndim != 4:
            raise ConfigError("These data are points, which make no sheet: give --out FILE.npz.")
        data = _png(sheet(pictures))
    try:
        write_bytes(target, data)
    except OSError as error:
        raise RunError(f"{target} cannot be written ({error.strerror or error}).") from None
    console().print(
        f"{n} samples in {target}: {bits.mean():.1f} bits each under the prior, log2 K would be {np.log2(layout.sizes()).sum():.0f}."
    )


def sheet(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (n, H, W, C) in rows, about as many as columns, enlarged by whole pixels: (H', W', C)."""
    n, H, W, C = pictures.shape
    times = max(1, -(-TILE // max(H, W)))
    large = pictures.repeat(times, axis=1).repeat(times, axis=2)
    columns = math.ceil(math.sqrt(n))
    gap = max(2, times)
    height, width = H * times + gap, W * times + gap
    paper = np.full((-(-n // columns) * height + gap, columns * width + gap, C), PAPER, dtype=np.uint8)
    for i, picture in enumerate(large):
        top, left = gap + i // columns * height, gap + i % columns * width
        paper[top : top + H * times, left : left + W * times] = picture
    return paper


def _labels(text: str, codes: CodeSet, n: int, *, conditional: bool) -> NDArray[np.int64] | None:
    """What each sample is to show; all labels in turn where none is asked for. None for a prior that takes no label."""
    if not conditional:
        if text:
            raise ConfigError(f"--label {text}: this prior was trained without labels. Leave it out.")
        return None
    names = codes.label_names
    if not text:
        return np.arange(n) % len(names)
    if text in names:
        return np.full(n, names.index(text))
    if text.isdecimal() and int(text) < len(names):
        return np.full(n, int(text))
    raise ConfigError(f"--label {text}: there is no such label. There are: {', '.join(names)}.")


def _archive(arrays: dict[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _png(picture: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture).save(buffer, "PNG")
    return buffer.getvalue()
