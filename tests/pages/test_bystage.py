"""Inside shows what each stage of a residual quantizer adds, once the light worker has computed it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import asked
from pages.ui.asked import Answer
from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

Page = Callable[..., AppTest]

ARRAYS = {
    "step": np.int64(4),
    "images": np.int64(359),
    "names": np.array(["stage 1", "stage 2"]),
    "bits": np.array([48.0, 96.0]),
    "entropy_bits": np.array([40.0, 85.0]),
    "used": np.array([7, 8]),
    "nmse": np.array([0.5, 0.25]),
    "pictures": np.zeros((2, 3, 8, 8, 1), dtype=np.uint8),
}


@pytest.fixture
def residual(store: RunStore) -> RunFolder:
    quantizer = ResidualConfig(stages=(VQConfig(K=8, D=3),) * 2)
    config = RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=quantizer, downsampling=2, hidden=8, residual_blocks=0),
        train=TrainConfig(steps=4, batch_size=16, threads=1, device="cpu", evaluate_every=4, evaluation_images=32),
    )
    folder = store.create(config, name="Two stages")
    assert worker.run(folder, "cli") == "finished"
    return folder


def test_the_picture_after_each_stage(residual: RunFolder, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[str] = []

    def ask(run: RunFolder, kind: str, **settings: object) -> Answer:
        wanted.append(kind)
        return Answer("ready", data=ARRAYS, step=4)

    monkeypatch.setattr(asked, "ask", ask)
    at = page("inside", run=residual.id)
    assert not at.exception and wanted == ["stages"]
    (table,) = [text.value for text in at.markdown if text.value.startswith("| With")]
    assert "| stage 1 | 48 | 7 | 0.5000 |" in table and "| stage 2 | 96 | 8 | 0.2500 |" in table
    assert any("2 pictures" in found.proto.body for found in at.get("html"))
    at.session_state["inside_image"] = 5
    at.run()
    assert any("first 3 images" in caption.value for caption in at.caption)


def test_one_that_failed_says_why_and_can_be_asked_again(residual: RunFolder, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    again: list[str] = []
    monkeypatch.setattr(asked, "ask", lambda *_, **__: Answer("failed", message="No room left."))
    monkeypatch.setattr(asked, "retry", lambda run, kind, **_: again.append(kind))
    at = page("inside", run=residual.id)
    assert any("No room left" in warning.value for warning in at.warning)
    at.button(key="bystage_retry").click().run()
    assert again == ["stages"]
