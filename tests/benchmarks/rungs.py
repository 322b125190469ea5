"""What the benchmarks of priors share: a model for each K and its priors, trained as runs, and found again when they are there."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.common import skip
from vqcore.config.data import DigitsConfig
from vqcore.config.presets import PRESETS
from vqcore.config.prior import AnyPriorConfig, HistogramConfig, PixelCNNConfig, TransformerConfig, UniformConfig
from vqcore.config.prior_defaults import rung_of, sized
from vqcore.config.run import PriorRunConfig
from vqcore.data.registry import load, missing
from vqcore.errors import DataError
from vqcore.jobs import worker
from vqcore.records import Evaluation, PriorEvaluation, Step
from vqcore.runs.analysis import scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import beginning
from vqcore.runs.store import RunStore

PRIORS: dict[str, AnyPriorConfig] = {
    "uniform": UniformConfig(),
    "histogram": HistogramConfig(per_position=False),
    "histogram per position": HistogramConfig(),
    "pixelcnn": PixelCNNConfig(),
    "transformer": TransformerConfig(),
}
NETS = ("pixelcnn", "transformer")
QUICK: dict[str, Any] = {
    "data": DigitsConfig().model_dump(),
    "train.steps": 30,
    "train.batch_size": 32,
    "model.hidden": 16,
    "train.evaluate_every": 30,
}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where runs are kept and how they are trained."""

    root: Path
    threads: int
    quick: bool

    def model(self, K: int) -> RunFolder:
        """The preset `mnist` with K codes, trained or found."""
        config = PRESETS["mnist"].config.edited({"model.quantizer.K": K, "train.threads": self.threads} | (QUICK if self.quick else {}))
        if absent := missing(config.data.kind):
            try:
                load(config.data)
            except DataError:
                skip(f"MNIST is not here and cannot be had. Put here: {', '.join(Path(path).as_posix() for path in absent)}")
        store = RunStore(self.root)
        return store.find(config.identity) or self._trained(store.create(config, name=f"K = {K}"))

    def prior(self, parent: RunFolder, name: str, changes: dict[str, Any] | None = None) -> RunFolder:
        """A prior on that model's codes, trained or found, with the settings that its page starts from. `changes`: to its run."""
        prior, train = sized(rung_of(PRIORS[name]), parent.effective_config())
        train = train.edited({"threads": self.threads})
        if self.quick and name in NETS:
            prior, train = prior.edited({"hidden": 16, "layers": 2}), train.edited({"steps": 20, "evaluate_every": 20})
        store = RunStore(self.root)
        config, _ = beginning(parent, prior, train, scratch_of(self.root))
        wanted = config.edited(changes if changes and name in NETS else {})
        assert isinstance(wanted, PriorRunConfig)
        found = store.find(wanted.identity)
        return found or self._trained(store.create_prior(parent, wanted.prior, wanted.train, name=name))

    def _trained(self, folder: RunFolder) -> RunFolder:
        began = time.monotonic()
        sys.stderr.write(f"Training {folder.about().name} in {folder.path}.\n")
        state = worker.run(folder, "cli")
        if state != "finished":
            skip(f"{folder.path} ended as {state}: {folder.status().error}")
        sys.stderr.write(f"Done in {time.monotonic() - began:,.0f} s.\n")
        return folder


def model_figures(folder: RunFolder) -> dict[str, Any]:
    """Of a model's last evaluation, which takes all validation data."""
    last = [record for record in folder.metrics().records if isinstance(record, Evaluation)][-1]
    return {"K": last.books[0].K, "NMSE": last.nmse, "codes_used": last.books[0].used, "perplexity": last.books[0].perplexity}


def prior_figures(folder: RunFolder) -> dict[str, Any]:
    """As `model_figures`. `seconds`: of training, evaluations left out."""
    records = folder.metrics().records
    last = [record for record in records if isinstance(record, PriorEvaluation)][-1]
    steps = [record for record in records if isinstance(record, Step)]
    state = folder.checkpoint()
    assert last.complete and state is not None
    return {
        "nats_per_code": last.loss,
        "bits_per_code": last.bits,
        "training_bits_per_code": last.train_bits,
        "bits_per_image": last.bits_per_image,
        "images": last.images,
        "parameters": int(state.meta.get("parameters", 0)),
        "epochs": round(steps[-1].epoch, 2) if steps else 0.0,
        "seconds": float(state.meta.get("elapsed", 0.0)),
        "trained": next((event.message for event in reversed(folder.events().records) if event.kind == "started"), ""),
    }
