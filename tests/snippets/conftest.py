"""Small runs trained for these tests, and a place where snippets run as a user would run them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.snippets.small import SMALL, TRAIN, trained
from vqcore.config.prior import PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.control import Command
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import beginning
from vqcore.snippets.snippet import LINES, ROOT, Snippet


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("snippets") / "it's runs"


@pytest.fixture(scope="module")
def model(runs: Path) -> RunFolder:
    return trained(RunFolder.create(runs, SMALL, name="small"))


@pytest.fixture(scope="module")
def treated(runs: Path) -> RunFolder:
    """The same, with two treatments on the way, and one that changes only its pace."""
    due = {
        10: Command("revive"),
        20: Command("treat", changes={"train.speed_limit": 800.0}),
        30: Command("treat", changes={"model.quantizer.commitment_weight": 0.5, "model.quantizer.learning": "ema"}),
    }
    return trained(RunFolder.create(runs, SMALL, name="treated"), due)


@pytest.fixture(scope="module")
def prior(runs: Path, model: RunFolder) -> RunFolder:
    """A prior over the codes of `model`, given labels."""
    train = TrainConfig.parse(TRAIN | {"steps": 20, "evaluate_every": 10, "evaluation_images": 64, "checkpoint_every": 10})
    config, parts = beginning(model, PixelCNNConfig(hidden=8, layers=2, conditional=True), train, runs / ".analysis")
    return trained(RunFolder.create(runs, config, name="prior", parts=parts))


@pytest.fixture
def carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Snippet], tuple[list[str], dict[str, Any]]]]:
    """Runs a snippet in a folder that has the bundled runs where the repository has them; gives its lines and its variables."""
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    monkeypatch.chdir(tmp_path)

    def run(snippet: Snippet) -> tuple[list[str], dict[str, Any]]:
        lines = snippet.code.strip().splitlines()
        assert len(lines) <= LINES, snippet.code
        assert all(len(line) <= 122 or "Path(" in line for line in lines), snippet.code
        space: dict[str, Any] = {"__name__": "__main__"}
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(snippet.code, snippet.title, "exec"), space)
        return out.getvalue().splitlines(), space

    yield run
