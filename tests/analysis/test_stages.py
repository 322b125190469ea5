"""What each stage adds, against a plain loop over the model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.analysis.conftest import DIGITS
from vqcore.analysis.load import Loaded, load_model
from vqcore.analysis.stages import stage_arrays, stages
from vqcore.config.quantizer import ResidualConfig, VQConfig
from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.runs.analysis import read
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Stages
from vqcore.training.evaluation import to_model, validation_order

KS = (16, 8, 4)


@pytest.fixture(scope="module")
def run(train: Callable[[RunConfig], RunFolder]) -> RunFolder:
    quantizer = ResidualConfig(stages=tuple(VQConfig(K=K, D=4) for K in KS))
    return train(DIGITS.edited({"model.quantizer": quantizer.model_dump()}))


@pytest.fixture(scope="module")
def loaded(run: RunFolder) -> Loaded:
    return load_model(run)


def test_rate_and_distortion_by_stages(loaded: Loaded) -> None:
    found = Stages.of(stage_arrays(loaded))
    x = to_model(torch.from_numpy(loaded.dataset.x[validation_order(loaded.dataset)]))
    assert (found.step, found.images, found.names) == (60, len(x), ("stage 1", "stage 2", "stage 3"))
    assert found.bits.tolist() == [16 * 4, 16 * 7, 16 * 9]
    assert (found.entropy_bits <= found.bits).all() and (np.diff(found.entropy_bits) > 0).all()
    with torch.no_grad():
        indices = loaded.model.indices(x)
        codes = [codebook[grid] for codebook, grid in zip(loaded.model.codebooks(), indices, strict=True)]  # (N, h, w, D)
        for count in (1, 2, 3):
            z_q = torch.stack(codes[:count]).sum(0).movedim(-1, 1)
            x_hat = loaded.model.decode((z_q,))
            variance = np.float64(loaded.dataset.x[loaded.dataset.train] / 255).var()
            assert found.nmse[count - 1] == pytest.approx(float((x_hat - x).square().mean()) / variance, rel=1e-4)
            assert np.abs(found.pictures[count - 1].astype(float) - x_hat[:64].movedim(1, -1).numpy() * 255).max() <= 0.6
    assert found.used.tolist() == [len(grid.unique()) for grid in indices]
    assert found.nmse[-1] == pytest.approx(loaded.evaluation().nmse, rel=1e-4), "with all stages it is the model's own error"
    assert found.nmse[-1] < found.nmse[0], "later stages carry something"


def test_it_is_kept_beside_the_run(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    name = stages(str(run.path), "")
    arrays = read(run, Path(), name)
    assert arrays is not None and Stages.of(arrays).images == 359
    monkeypatch.setattr("vqcore.analysis.stages.stage_arrays", lambda *_: pytest.fail("computed again"))
    assert stages(str(run.path), "") == name


def test_a_model_without_stages(digits: RunFolder) -> None:
    with pytest.raises(RunError, match=r"no stages.*residual"):
        stage_arrays(load_model(digits))
