"""What the codes of an image cost under each prior, for several codebooks of MNIST.

`python -m tests.benchmarks.priors`: the preset `mnist` (D = 16, a 7×7 grid) with K = 128, and the priors with the settings that the
page Priors starts from. Cross-entropies are of the frozen prior over the codes of all 10,000 test pictures; they compare only on the
same codes, so between codebooks compare bits per image and NMSE together. `--out DIR` keeps the runs: what is there already is not
trained again. The last row is not ours: the Keras example's VQ-VAE with its PixelCNN, as its page prints them.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.common import options, report
from tests.benchmarks.rungs import PRIORS, Bench, model_figures, prior_figures
from vqcore.cli.configuration import parse_change

# keras.io/examples/generative/vq_vae: K = 128, D = 16, 7×7; both are figures of training
KERAS_NATS, KERAS_NMSE, KERAS_CODES = 1.034, 0.0444, 49


def measure(bench: Bench, K: int, names: list[str], changes: dict[str, Any]) -> list[dict[str, Any]]:
    """One row for each prior."""
    model = bench.model(K)
    return [{"prior": name} | model_figures(model) | prior_figures(bench.prior(model, name, changes)) for name in names]


def keras(row: dict[str, Any]) -> dict[str, Any]:
    """The Keras example's point, in the columns of `row`; what it does not say is None."""
    bits = KERAS_NATS / math.log(2)
    known = {"prior": "Keras example (training)", "K": 128, "NMSE": KERAS_NMSE, "nats_per_code": KERAS_NATS, "bits_per_code": bits}
    return dict.fromkeys(row) | known | {"bits_per_image": bits * KERAS_CODES}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--K", type=int, nargs="+", default=[128], help="codebooks, as in --K 32 128 512")
    parser.add_argument("--prior", nargs="+", choices=list(PRIORS), default=list(PRIORS), help="which priors")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="PATH=VALUE", help="change a net's run")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--out", type=Path, help="where runs are kept; otherwise they go at the end")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        rows = run(arguments, arguments.out or Path(scratch))
    title = "Priors of MNIST" if not arguments.quick else "Priors (quick: digits, not for figures)"
    report(title, [*rows, keras(rows[0])], as_json=arguments.json)


def run(arguments: argparse.Namespace, root: Path) -> list[dict[str, Any]]:
    """All rows."""
    bench = Bench(root, arguments.threads, arguments.quick)
    changes = dict(parse_change(text) for text in arguments.changes)
    return [row for K in arguments.K for row in measure(bench, K, arguments.prior, changes)]


if __name__ == "__main__":
    main()
