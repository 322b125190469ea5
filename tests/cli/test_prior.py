"""Priors and samples by the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli.invoke import SMALL, invoke
from vqcore.cli.main import app
from vqcore.config.run import PriorRunConfig
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import EXAMPLES, RunStore


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small trained run of digits."""
    root = tmp_path_factory.mktemp("models")
    done = CliRunner().invoke(app, ["train", *SMALL, "--steps", "30", "--out", str(root)])
    assert done.exit_code == 0, done.output
    return RunStore(root).get(RunStore(root).list()[0].id).path


QUICK = ("--set", "train.threads=1", "--set", "train.evaluation_images=32", "--set", "prior.hidden=8", "--set", "prior.layers=1")


def test_a_prior_is_trained_and_sampled(model: Path, runs: Path, tmp_path: Path) -> None:
    done = invoke("prior", "--run", str(model), "--prior", "pixelcnn", "--steps", "8", *QUICK)
    assert done.exit_code == 0, done.output
    assert "bits per code" in done.output and "log2 K 5.000" in done.output
    (line,) = RunStore(runs).list()
    assert (line.state, line.kind, line.step, line.name) == ("finished", "prior", 8, "PixelCNN of Digits")
    sheet, again, grids = tmp_path / "sheet.png", tmp_path / "again.png", tmp_path / "grids.npz"
    for out in (sheet, again, grids):
        drawn = invoke("sample", "--run", str(runs / line.id), "--n", "6", "--out", str(out), "--seed", "3", "--temperature", "0.8")
        assert drawn.exit_code == 0 and "6 samples" in drawn.output, drawn.output
    assert sheet.read_bytes() == again.read_bytes()
    with Image.open(sheet) as picture:
        assert picture.size == (3 * 63 + 7, 2 * 63 + 7)  # 3 abreast, 8 pixels × 7, and 7 between
    with np.load(grids, allow_pickle=False) as found:
        assert found["codes_codes"].shape == (6, 4, 4) and found["codes_codes"].max() < 32
        assert found["bits"].shape == (6,) and (found["labels"] == -1).all()


def test_a_conditional_prior_draws_what_is_asked_for(model: Path, runs: Path, tmp_path: Path) -> None:
    assert invoke("prior", "--run", str(model), "--prior", "histogram", "--conditional", "--name", "Counted").exit_code == 0
    (line,) = RunStore(runs).list()
    assert line.name == "Counted"
    folder, out = str(runs / line.id), tmp_path / "grids.npz"
    assert invoke("sample", "--run", folder, "--n", "3", "--out", str(out), "--label", "7").exit_code == 0
    with np.load(out, allow_pickle=False) as found:
        assert (found["labels"] == 7).all()
    wrong = invoke("sample", "--run", folder, "--out", str(out), "--label", "twelve")
    assert wrong.exit_code == 2 and "There are: 0, 1" in wrong.output


def test_what_cannot_be_is_said(model: Path, runs: Path, tmp_path: Path) -> None:
    run = ("prior", "--run", str(model))
    for arguments, text in (
        ((*run, "--prior", "wavenet"), "There are: uniform, histogram, pixelcnn, transformer"),
        ((*run, "--set", "model.hidden=4"), "the model is frozen"),
        ((*run, "--steps", "5", "--set", "train.steps=5"), "not both"),
        (("prior", "--run", str(tmp_path / "none")), "no such folder"),
        (("sample", "--run", str(model), "--out", str(tmp_path / "x.png")), "not a prior"),
        (("sample", "--run", str(model), "--out", str(tmp_path / "x.jpg")), "ends in .png"),
    ):
        done = invoke(*arguments)
        assert done.exit_code == 2 and text in done.output, done.output
    assert RunStore(runs).list() == []


def test_a_finished_prior_names_the_command_for_a_longer_one(model: Path, runs: Path) -> None:
    assert invoke("prior", "--run", str(model), "--prior", "uniform").exit_code == 0
    folder = runs / RunStore(runs).list()[0].id
    done = invoke("train", "--resume", str(folder))
    assert done.exit_code == 2 and "python -m vqcore prior --run" in done.output


def test_a_place_that_cannot_be_written_is_refused_before_the_work(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work began")

    monkeypatch.setattr("vqcore.analysis.load.load_prior", work)
    monkeypatch.setattr("vqcore.jobs.worker.run", work)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    prior = next(path.name for path in EXAMPLES.iterdir() if isinstance(RunFolder(path).config(), PriorRunConfig))
    for arguments in (
        ("sample", "--run", prior, "--out", str(tmp_path / "folder.png")),
        ("sample", "--run", prior, "--out", str(tmp_path / "file" / "sheet.png")),
        ("prior", "--run", prior, "--out", str(tmp_path / "file")),
    ):
        done = invoke(*arguments)
        assert done.exit_code == 2, done.output
        assert "written" in done.stderr or "folder" in done.stderr
    assert not runs.exists()


def test_samples_go_into_a_new_folder_and_the_run_is_named_by_its_id(tmp_path: Path) -> None:
    prior = next(path.name for path in EXAMPLES.iterdir() if isinstance(RunFolder(path).config(), PriorRunConfig))
    done = invoke("sample", "--run", prior, "--n", "2", "--out", str(tmp_path / "new" / "sheet.png"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "sheet.png").read_bytes().startswith(b"\x89PNG")
