"""Each kind of quantizer on its whole way: trained, looked into, its codes a prior's data, and pictures drawn from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.analysis.conftest import DIGITS
from vqcore.analysis.codes import codes
from vqcore.analysis.load import load_frozen, load_model, load_prior
from vqcore.analysis.probe import probe_arrays
from vqcore.analysis.usefulness import usefulness_arrays
from vqcore.config.prior import PixelCNNConfig
from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs import worker
from vqcore.models.draw import draw_codes
from vqcore.priors.sampling import sample
from vqcore.records import Evaluation, Step
from vqcore.runs.analysis import read
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.runs.store import RunStore

QUANTIZERS: dict[str, AnyQuantizerConfig] = {
    "residual": ResidualConfig(stages=(VQConfig(K=8, D=4), VQConfig(K=6, D=4), VQConfig(K=5, D=4)), stage_dropout=0.2),
    "shared": ResidualConfig(stages=(VQConfig(K=8, D=4, learning="ema", revival_threshold=0.1),) * 2, shared=True),
    "fsq": FSQConfig(levels=(4, 3, 2)),
}


@pytest.mark.parametrize("kind", QUANTIZERS)
def test_from_data_to_samples(kind: str, train: Callable[[RunConfig], RunFolder], tmp_path: Path) -> None:
    run = train(DIGITS.edited({"model.quantizer": QUANTIZERS[kind].model_dump(), "train.steps": 240, "train.lr": 4e-3}))
    books = QUANTIZERS[kind].books()
    records = run.metrics().records
    last = [record for record in records if isinstance(record, Evaluation)][-1]
    step = [record for record in records if isinstance(record, Step)][-1]
    assert last.nmse < 0.9 * last.nmse_mean_picture
    assert [(book.name, book.K) for book in last.books] == [(book.name, book.K) for book in step.books] == [(b.name, b.K) for b in books]
    assert all(book.used > 1 for book in last.books)
    assert [book.ema_alive is None for book in step.books] == [not book.learned for book in books]
    snapshot = run.snapshot()
    assert snapshot is not None
    for book, kept in zip(books, snapshot.books, strict=True):
        assert kept.codebook.shape == (book.K, book.D)
        assert len(kept.ema_count) == (book.K if book.learned else 0)
        # as this book compares them, each kept output chose its nearest code
        distance = np.linalg.norm(kept.z[:, None].astype(float) - kept.codebook, axis=2)
        assert (distance[np.arange(len(kept.z)), kept.z_code] <= distance.min(axis=1) + 5e-3).all()
    loaded = load_model(run)
    with torch.no_grad():
        assert [len(book.counts) for book in Probe.of(probe_arrays(loaded)).books] == [book.K for book in books]
    assert usefulness_arrays(loaded)["correct"][0] > usefulness_arrays(loaded)["majority"][0]

    arrays = read(run, Path(), codes(str(run.path), ""))
    assert arrays is not None
    code_set = CodeSet.of(arrays)
    assert [(grid.name, grid.K, grid.shape) for grid in code_set.layout.grids] == [(book.name, book.K, (4, 4)) for book in books]
    model = load_frozen(run).model
    redrawn = draw_codes(model, code_set.layout, code_set.validation[:5])
    gallery = run.gallery(run.galleries()[-1])
    assert gallery is not None and np.abs(redrawn.astype(int) - gallery.reconstructions[:5]).max() <= 1

    settings = TrainConfig(steps=10, lr=3e-3, threads=1, device="cpu", evaluate_every=1000, evaluation_images=32)
    prior = RunStore(tmp_path).create_prior(run, PixelCNNConfig(hidden=8, layers=2), settings, name="Small")
    threads = torch.get_num_threads()
    assert worker.run(prior, "cli") == "finished"
    torch.set_num_threads(threads)
    trained = load_prior(prior)
    rows = sample(trained.prior, 3, seed=1)
    assert draw_codes(trained.frozen.model, code_set.layout, rows).shape == (3, 8, 8, 1)
