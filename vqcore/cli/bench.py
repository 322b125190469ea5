"""`bench`: the nearest-code lookup against vector-quantize-pytorch's, a training step against a plain loop, cached sampling.

Both sides run in one process, on the same data, in turn, with the same number of threads; a figure is the median of five runs.
Axes: N vectors, K codes, D numbers each.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from vqcore.cli import bench_sampling
from vqcore.cli.bench_sampling import Sampling
from vqcore.cli.console import console as plain_console
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.control import NoControl
from vqcore.data import registry
from vqcore.data.base import Dataset
from vqcore.models.registry import build_model
from vqcore.quantizers.lookup import nearest_code
from vqcore.records import Step
from vqcore.training.evaluation import reference, to_model
from vqcore.training.trainer import Trainer

SIZES = ((16_384, 64, 512), (16_384, 64, 8_192), (65_536, 64, 1_024))  # (N, D, K)
QUICK_SIZES = ((2_048, 64, 256),)
REPEATS = 5
PEER = "vector-quantize-pytorch"
# distances in float32 are off by some ulps of |z|² + |e|²; a choice within that of the best is exact up to rounding
ROUNDING = 16 * torch.finfo(torch.float32).eps


@dataclass(frozen=True, slots=True)
class Lookup:
    """One size on one device. Times are medians in milliseconds, None without the peer.

    `peer_ms`: its eval-mode forward, which is how one gets indices from it. `peer_bare_ms`: only its distances and argmax.
    `product_ms`: the matrix product alone, which nothing exact can beat. `same`: share of indices equal to the peer's.
    `excess`: the largest distance beyond the nearest code's, in float64, over |z|² + |e|²; `exact`: that is rounding.
    """

    device: str
    N: int
    D: int
    K: int
    ours_ms: float
    peer_ms: float | None
    peer_bare_ms: float | None
    product_ms: float
    ratio: float | None
    same: float | None
    excess: float
    peer_excess: float | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Training:
    """One training step in milliseconds, medians: of the trainer with all its records, and of a loop with the same model and batches."""

    device: str
    precision: str
    batch_size: int
    steps: int  # timed per repeat
    trainer_ms: float
    plain_ms: float
    ratio: float  # trainer over plain


def run(*, as_json: bool, quick: bool, threads: int | None) -> None:
    """Measure and print: tables, or JSON."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        _run(as_json=as_json, quick=quick)
    finally:
        torch.set_num_threads(before)


def _run(*, as_json: bool, quick: bool) -> None:
    console = plain_console()
    if peer_class() is None and not as_json:
        console.print(f"{PEER} is not installed, so ours is timed alone. It comes with: pip install -r tests/requirements.txt")
    lookups = [lookup(device, *size) for device in devices() for size in (QUICK_SIZES if quick else SIZES)]
    steps = [training(device, quick=quick) for device in devices()]
    samplings = [bench_sampling.sampling(config, quick=quick) for config in bench_sampling.PRIORS]
    if as_json:
        document = {
            "settings": settings(),
            "repeats": REPEATS,
            "lookup": [asdict(row) for row in lookups],
            "training": [asdict(row) for row in steps],
            "sampling": [asdict(row) for row in samplings],
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return
    show(console, lookups, steps, samplings)


def settings() -> dict[str, Any]:
    """Everything that a figure depends on."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        PEER: metadata.version(PEER) if peer_class() is not None else None,
    }


def devices() -> list[torch.device]:
    """The processor, and a GPU when there is one."""
    found = [torch.device("cpu")]
    if torch.cuda.is_available():
        found.append(torch.device("cuda"))
    return found


def peer_class() -> Any:
    """The peer's quantizer, or None when it is not installed."""
    try:
        from vector_quantize_pytorch import VectorQuantize
    except ImportError:
        return None
    return VectorQuantize


# ── the lookup ──


@torch.no_grad()
def lookup(device: torch.device, N: int, D: int, K: int) -> Lookup:
    """Time one size. The same z and codebook (both standard normal) go to both sides."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(N, D, generator=generator).to(device)
    codebook = torch.randn(K, D, generator=generator).to(device)
    jobs: dict[str, Callable[[], Any]] = {"ours": lambda: nearest_code(z, codebook), "product": lambda: _products(z, codebook)}
    peer = peer_class()
    if peer is not None:
        module = peer(dim=D, codebook_size=K).eval().to(device)
        module._codebook.embed.copy_(codebook[None])
        jobs["peer"] = lambda: module(z[None])[1][0]
        jobs["bare"] = lambda: _peer_distances(module, z).argmax(-1)[0]
    with _no_tf32():
        times, results = in_turn(jobs, device)
    ours = results["ours"]
    excess = worst_excess(z, codebook, ours)
    theirs = results.get("peer")
    return Lookup(
        device=device.type,
        N=N,
        D=D,
        K=K,
        ours_ms=times["ours"],
        peer_ms=times.get("peer"),
        peer_bare_ms=times.get("bare"),
        product_ms=times["product"],
        ratio=times["peer"] / times["ours"] if peer is not None else None,
        same=float((ours == theirs).double().mean()) if theirs is not None else None,
        excess=excess,
        peer_excess=worst_excess(z, codebook, theirs) if theirs is not None else None,
        exact=excess <= ROUNDING,
    )


def _products(z: Tensor, codebook: Tensor) -> None:
    rows = max(1, (1 << 22) // len(codebook))
    for start in range(0, len(z), rows):
        z[start : start + rows] @ codebook.T


def _peer_distances(module: Any, z: Tensor) -> Tensor:
    from vector_quantize_pytorch.vector_quantize_pytorch import cdist

    distances: Tensor = -cdist(z[None], module._codebook.embed)
    return distances


def worst_excess(z: Tensor, codebook: Tensor, indices: Tensor) -> float:
    """How much farther than the nearest code the chosen one is, at worst, over |z|² + |e|²; squared distances, in float64."""
    worst = 0.0
    z, codebook = z.double(), codebook.double()
    norms = codebook.square().sum(1)
    rows = max(1, (1 << 23) // len(codebook))
    for start in range(0, len(z), rows):
        block = z[start : start + rows]
        distances = block.square().sum(1, keepdim=True) + norms - 2 * block @ codebook.T
        chosen = indices[start : start + rows]
        taken = distances.gather(1, chosen[:, None])[:, 0]
        scale = block.square().sum(1) + norms[chosen]
        worst = max(worst, float(((taken - distances.amin(1)) / scale).max()))
    return worst


# ── a training step ──


def training(device: torch.device, *, quick: bool) -> Training:
    """Time the trainer against a loop that draws the same batches, with the same model and optimiser, and records nothing."""
    steps = 10 if quick else 100
    batch_size = 64
    config = RunConfig(
        model=VQVAEConfig(quantizer=VQConfig(K=32, D=4, learning="ema", init="data", revival_threshold=0.02), downsampling=2, hidden=32),
        train=TrainConfig(
            steps=10_000_000,
            batch_size=batch_size,
            device="cuda" if device.type == "cuda" else "cpu",
            precision="float32",
            threads=torch.get_num_threads(),
            evaluate_every=100_000,
            checkpoint_every=1_000_000,
        ),
    )
    dataset = registry.load(config.data)
    trainer = Trainer(config, dataset)
    records = trainer.run(NoControl())

    def with_records() -> None:
        target = trainer.step + steps
        next(record for record in records if isinstance(record, Step) and record.step >= target)

    plain = PlainLoop(config, dataset, device)
    times, _ = in_turn({"trainer": with_records, "plain": lambda: plain.run(steps)}, device)
    trainer_ms, plain_ms = times["trainer"] / steps, times["plain"] / steps
    return Training(device.type, "float32", batch_size, steps, trainer_ms, plain_ms, trainer_ms / plain_ms)


class PlainLoop:
    """What one would write by hand: batches, model, loss, optimiser. It records nothing and hears no commands."""

    def __init__(self, config: RunConfig, dataset: Dataset, device: torch.device) -> None:
        torch.manual_seed(config.train.seed)
        self.x = torch.from_numpy(dataset.x[dataset.train]).to(device)
        self.model = build_model(config.model, dataset.shape, dataset.modality, reference(dataset).variance).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.train.lr, fused=True)
        self.generator = torch.Generator(device=device).manual_seed(config.train.seed)
        self.batches: Iterator[Tensor] = iter(())
        self.batch_size = config.train.batch_size
        self.model.initialise_(lambda: [to_model(self.x)], self.generator)

    def run(self, steps: int) -> None:
        """Train `steps` steps, going on where the last call left."""
        for _ in range(steps):
            out = self.model(to_model(self._batch()))
            self.optimizer.zero_grad(set_to_none=True)
            out.loss.backward()
            self.optimizer.step()
            self.model.update_(self.generator)

    def _batch(self) -> Tensor:
        rows = next(self.batches, None)
        if rows is None or len(rows) < self.batch_size:
            self.batches = iter(torch.randperm(len(self.x), device=self.x.device).split(self.batch_size))
            rows = next(self.batches)
        return self.x[rows]


# ── timing ──


def in_turn(jobs: dict[str, Callable[[], Any]], device: torch.device, repeats: int = REPEATS) -> tuple[dict[str, float], dict[str, Any]]:
    """Median milliseconds of each job, and its last result. After a warm-up they run in turn, so that a busy moment meets all of them."""
    results = {name: job() for name, job in jobs.items()}
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(repeats):
        for name, job in jobs.items():
            _wait(device)
            began = time.perf_counter()
            results[name] = job()
            _wait(device)
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}, results


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def _no_tf32() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


# ── what is printed ──


def show(console: Console, lookups: list[Lookup], steps: list[Training], samplings: list[Sampling]) -> None:
    """Three tables and the settings."""
    table = Table(title=f"Nearest code, median of {REPEATS}, ms", title_justify="left")
    for head in ("device", "N", "D", "K", "vqcore", "peer", "ratio", "peer, bare", "product alone", "same index", "exact"):
        table.add_column(head, justify="left" if head == "device" else "right")
    for row in lookups:
        table.add_row(
            row.device,
            f"{row.N:,}",
            f"{row.D}",
            f"{row.K:,}",
            f"{row.ours_ms:.2f}",
            _figure(row.peer_ms, ".2f"),
            _figure(row.ratio, ".1f"),
            _figure(row.peer_bare_ms, ".2f"),
            f"{row.product_ms:.2f}",
            _figure(row.same, ".4%"),
            "yes" if row.exact else f"NO ({row.excess:.1e})",
        )
    console.print(table)
    table = Table(title=f"One training step, median of {REPEATS}, ms", title_justify="left")
    for head in ("device", "precision", "batch", "trainer", "plain loop", "ratio"):
        table.add_column(head, justify="left" if head in ("device", "precision") else "right")
    for step in steps:
        figures = (f"{figure:.3f}" for figure in (step.trainer_ms, step.plain_ms, step.ratio))
        table.add_row(step.device, step.precision, f"{step.batch_size}", *figures)
    console.print(table)
    console.print(bench_sampling.table(samplings))
    console.print("\n".join(f"{name}: {value}" for name, value in settings().items()))


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123 (a device file, Linux only)
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: what the platform says
    return platform.processor() or platform.machine()
