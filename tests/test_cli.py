"""The command line: what it builds, what it writes, what it says, and how it ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner, Result

from vqcore.cli import doctor
from vqcore.cli.configuration import build_config, parse_change
from vqcore.cli.main import app
from vqcore.cli.progress import Bar, Lines, describe, open_display
from vqcore.config.presets import PRESETS
from vqcore.control import Command
from vqcore.errors import ConfigError
from vqcore.records import BookEvaluation, BookStep, Evaluation, Event, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

ROOT = Path(__file__).parents[1]
SMALL = ("--preset", "digits", "--set", "model.hidden=8", "--set", "train.threads=1", "--set", "train.evaluation_images=16")


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """VQ_RUNS for every test here."""
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("VQ_SCHEDULER", raising=False)
    return tmp_path / "runs"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def step(number: int, elapsed: float = 1.0, **changes: Any) -> Step:
    book = BookStep("codes", 20.0, used_epoch=31, used_ever=32, dead=1, ema_alive=31, e_norm=1.0)
    fields = {"epoch": 1.0, "images": 64 * number, "images_per_s": 1234.5, "lr": 1e-3, "loss": 0.25, "terms": {}, "z_norm": 1.0}
    return Step(**{"step": number, "elapsed": elapsed, "books": (book,), **fields, **changes})


# ── configurations ──


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("1e-3", 1e-3),
        ("true", True),
        ('"64"', "64"),
        ("vector", "vector"),
        ("", ""),
        ("a=b", "a=b"),
        ('{"kind": "rings"}', {"kind": "rings"}),
    ],
)
def test_a_value_is_json_or_else_text(text: str, value: Any) -> None:
    assert parse_change(f"a.b={text}") == ("a.b", value)


@pytest.mark.parametrize("text", ["model.quantizer.K", "=3", ""])
def test_a_change_without_path_or_value_says_how_it_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match=r"PATH=VALUE.*model\.quantizer\.K=64"):
        parse_change(text)


def test_options_change_the_preset_and_nothing_else() -> None:
    config, title = build_config("digits", None, ["model.quantizer.K=64", "model.downsampling=vector"], 77)
    preset = PRESETS["digits"]
    assert title == preset.title
    assert config == preset.config.edited({"model.quantizer.K": 64, "model.downsampling": "vector", "train.steps": 77})


def test_a_runs_config_file_is_taken_as_it_is(runs: Path) -> None:
    folder = RunFolder.create(runs, PRESETS["collapse"].config, name="x")
    config, title = build_config(None, folder.path / "config.json", [], None)
    assert config == PRESETS["collapse"].config
    assert title == "config"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "digits"),
        (("--preset", "digits", "--config", "x.json"), "either --preset or --config"),
        (("--preset", "digit"), "digits, photos"),
        (("--config", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--preset", "digits", "--set", "model.quantiser.K=64"), "quantizer"),
        (("--preset", "digits", "--set", "model.quantizer.KK=64"), "commitment_weight"),
        (("--preset", "digits", "--set", "model.quantizer.K=1"), "given: 1"),
        (("--preset", "digits", "--set", "model.quantizer.K"), "PATH=VALUE"),
        (("--preset", "digits", "--steps", "5", "--set", "train.steps=6"), "not both"),
        (("--resume", "nowhere"), "nowhere"),
        (("--resume", "nowhere", "--steps", "5"), "goes alone"),
        (("--preset", "digits", "--steps", "0"), "given: 0"),
    ],
)
def test_what_cannot_be_run_is_said_in_words_and_writes_nothing(arguments: tuple[str, ...], said: str, runs: Path) -> None:
    result = invoke("train", *arguments)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not runs.exists()


def test_a_config_file_that_is_wrong_says_every_problem(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"model": {"kind": "vqvae", "hiden": 3}, "train": {"lr": -1}}')
    result = invoke("train", "--config", str(file))
    assert result.exit_code == 2
    for part in ("wrong.json", "hiden", "unknown field", "lr", "-1"):
        assert part in result.stderr
    file.write_text("{")
    assert "not JSON" in invoke("train", "--config", str(file)).stderr


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    result = invoke("train", *SMALL, "--out", str(blocked))
    assert result.exit_code == 2
    assert str(blocked) in "".join(result.stderr.split("\n"))


# ── training ──


def test_train_writes_the_run_that_the_pages_read(runs: Path) -> None:
    result = invoke("train", *SMALL, "--steps", "20", "--name", "my run")
    assert result.exit_code == 0, result.output
    (summary,) = RunStore(runs).list()
    assert (summary.name, summary.preset, summary.state, summary.step) == ("my run", "digits", "finished", 20)
    folder = RunStore(runs).get(summary.id)
    assert folder.config().model.hidden == 8
    records = folder.metrics().records
    assert any(isinstance(record, Step) for record in records)
    assert [record.complete for record in records if isinstance(record, Evaluation)][-1]
    for part in (str(folder.path), "step 20/20", "of 32 codes", "images/s", "NMSE", f"?run={folder.id}"):
        assert part in result.stdout


def test_out_replaces_the_runs_folder(runs: Path, tmp_path: Path) -> None:
    assert invoke("train", *SMALL, "--steps", "3", "--out", str(tmp_path / "elsewhere")).exit_code == 0
    assert [entry.state for entry in RunStore(tmp_path / "elsewhere").list()] == ["finished"]
    assert not runs.exists()


def test_a_run_that_diverges_says_so(runs: Path) -> None:
    result = invoke(
        "train",
        *SMALL,
        "--steps",
        "50",
        "--set",
        "train.lr=10",
        "--set",
        "model.quantizer.commitment_weight=100",
        "--set",
        "train.schedule=constant",
    )
    (summary,) = RunStore(runs).list()
    if summary.state == "failed":  # how soon it diverges is the machine's arithmetic
        assert result.exit_code == 2
        assert "NaN" in result.stderr
    else:
        assert result.exit_code == 0


def test_a_finished_run_is_not_resumed(runs: Path) -> None:
    assert invoke("train", *SMALL, "--steps", "3").exit_code == 0
    (summary,) = RunStore(runs).list()
    result = invoke("train", "--resume", str(runs / summary.id))
    assert result.exit_code == 2
    assert "has finished" in result.stderr
    assert "--config" in result.stderr


@contextmanager
def started(runs: Path, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A process of this Python, killed at the end if it still runs."""
    environment = {**os.environ, "VQ_RUNS": str(runs), "PYTHONUNBUFFERED": "1"}
    arguments, pipe = [sys.executable, *command], subprocess.PIPE
    with subprocess.Popen(arguments, cwd=ROOT, text=True, env=environment, stdout=pipe, stderr=pipe) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def training(runs: Path) -> Iterator[tuple[subprocess.Popen[str], RunFolder]]:
    """A run of the command line that would go on for ever, after its first steps."""
    with started(runs, "-m", "vqcore", "train", *SMALL, "--steps", "1000000", "--set", "train.speed_limit=200") as process:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            for summary in RunStore(runs).list():
                folder = RunFolder(runs / summary.id)
                if any(isinstance(record, Step) for record in folder.metrics().records):
                    yield process, folder
                    return
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        raise AssertionError("no step within two minutes")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_ctrl_c_leaves_a_run_that_goes_on_where_it_was(runs: Path) -> None:
    with training(runs) as (process, folder):
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert f"python -m vqcore train --resume {folder.path}" in output
    assert "Traceback" not in errors
    status = folder.status()
    assert status.state == "stopped"
    assert status.lease is None
    checkpoint = folder.checkpoint()
    assert checkpoint is not None
    stopped_at = checkpoint.meta["step"]
    assert stopped_at > 0

    # a treatment shortens it, so that going on comes to an end
    folder.send(Command("treat", changes={"train.steps": stopped_at + 5, "train.speed_limit": 0.0}))
    result = invoke("train", "--resume", str(folder.path))
    assert result.exit_code == 0, result.output
    assert folder.status().state == "finished"
    assert folder.status().step == stopped_at + 5
    assert f"from step {stopped_at:,}" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles only")
def test_a_second_ctrl_c_ends_at_once(runs: Path) -> None:
    # a trainer that hears nothing, as in a step that takes for ever
    code = (
        "import time; from vqcore.jobs import worker; from vqcore.cli.main import app\n"
        "worker.run = lambda folder, kind, on_record: time.sleep(300)\n"
        "app(['train', '--preset', 'digits'])"
    )
    with started(runs, "-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Run ")
        process.send_signal(signal.SIGINT)
        assert "Ctrl-C again" in process.stdout.readline()
        (summary,) = RunStore(runs).list()
        folder = RunFolder(runs / summary.id)
        deadline = time.monotonic() + 30
        while not folder.commands() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [command.kind for command in folder.commands()] == ["stop"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"--resume {folder.path}" in errors


def test_a_run_that_another_process_trains_is_refused(runs: Path) -> None:
    with training(runs) as (process, folder):
        result = invoke("train", "--resume", str(folder.path))
        assert result.exit_code == 2
        assert str(process.pid) in result.stderr


# ── what is shown ──


def shown(display_type: type[Lines], *, terminal: bool) -> tuple[Lines, io.StringIO]:
    text = io.StringIO()
    return display_type(PRESETS["digits"].config, Console(file=text, force_terminal=terminal, width=120, soft_wrap=True)), text


def test_piped_output_is_lines_and_a_terminal_gets_a_bar() -> None:
    config = PRESETS["digits"].config
    with open_display(config, Console(file=io.StringIO(), force_terminal=False)) as display:
        assert type(display) is Lines
    with open_display(config, Console(file=io.StringIO(), force_terminal=True)) as display:
        assert isinstance(display, Bar)


def test_lines_come_now_and_then_not_at_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    display, text = shown(Lines, terminal=False)
    for number in range(1, 101):
        display.show(step(number, elapsed=number / 10))
    assert text.getvalue().count("\n") == 1
    display.summary("finished")
    last = text.getvalue().splitlines()[-1]
    assert "step 100/1,500" in last
    assert "140 s left" in last


def test_lines_tell_events_and_the_last_evaluation() -> None:
    display, text = shown(Lines, terminal=False)
    display.getting_ready("Downloading a: 1 of 11 MB.")
    display.getting_ready("Downloading a: 2 of 11 MB.")
    display.show(Event(5, "treated", "train.steps = 3000", data={"changes": {"train.steps": 3000}}))
    display.show(step(6))
    book = BookEvaluation("codes", K=32, used=30, perplexity=25.0, entropy_bits=4.6, vectors=1000, indices_per_image=16, capacity_bits=80.0)
    display.show(Evaluation(6, 360, True, 0.2, {}, 0.01, 0.0512, 0.5, 20.0, (book,)))
    display.summary("stopped")
    assert text.getvalue().count("Downloading") == 1
    for part in ("train.steps = 3000", "step 6/3,000", "stopped · validation NMSE 0.0512", "30 of 32 codes used"):
        assert part in text.getvalue()


def test_the_bar_shows_figures_and_leaves_the_terminal_whole() -> None:
    display, text = shown(Bar, terminal=True)
    display.show(step(700))
    display.show(step(750, elapsed=2.0))
    display.close()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue())
    for part in ("750/1500", "loss 0.2500", "31 of 32 codes", "images/s"):
        assert part in plain
    assert text.getvalue().count("\x1b[?25l") == text.getvalue().count("\x1b[?25h")  # the cursor is back


def test_figures_of_models_with_several_books_and_with_none() -> None:
    one = step(1).books[0]
    assert "31+31 codes" in describe(step(1, books=(one, one)), 32)
    assert "codes" not in describe(step(1, books=()), 32)


# ── doctor and bench ──


def test_doctor_says_what_is_here(runs: Path) -> None:
    result = invoke("doctor")
    assert result.exit_code == 0, result.output
    for part in ("python", "torch 2", "digits", "mnist", str(runs), "engine", "Everything needed is here."):
        assert part in result.stdout
    assert list(runs.iterdir()) == []


def test_doctor_names_what_is_missing_and_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("VQ_RUNS", str(blocked))
    monkeypatch.setattr(doctor, "engine", lambda: iter([doctor.Finding("engine", "ok", "not asked")]))
    monkeypatch.setattr(doctor, "PACKAGES", ("torch", "a-package-that-nobody-has"))
    result = invoke("doctor")
    assert result.exit_code == 1
    for part in ("MISSING", str(blocked), "VQ_RUNS", "a-package-that-nobody-has", "pip install -r requirements.txt"):
        assert part in result.stdout


def test_doctor_goes_on_after_a_check_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise ValueError("a fault")

    monkeypatch.setattr(doctor, "devices", broken)
    monkeypatch.setattr(doctor, "engine", lambda: iter([doctor.Finding("engine", "ok", "not asked")]))
    subjects = {finding.subject: finding.verdict for finding in doctor.findings()}
    assert subjects["broken"] == "missing"
    assert subjects["engine"] == "ok"


def test_bench_measures_and_agrees_with_the_peer() -> None:
    result = invoke("bench", "--quick", "--json", "--threads", "1")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert {"cpu", "threads", "torch", "vector-quantize-pytorch"} <= set(document["settings"])
    for row in document["lookup"]:
        assert row["exact"]
        assert row["same"] > 0.999
        assert row["ratio"] > 0
    assert all(row["ratio"] > 0 for row in document["training"])
    assert {row["prior"] for row in document["sampling"]} == {"pixelcnn", "transformer"}
    for row in document["sampling"]:
        assert row["same"]
        assert row["ratio"] == pytest.approx(row["full_s"] / row["cached_s"])


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys; from vqcore.cli.main import app; app(['train', '--help'], standalone_mode=False); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True).returncode == 0


def test_the_module_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "vqcore", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert all(command in done.stdout for command in ("train", "doctor", "bench"))


# ── priors and samples ──


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
        (("prior", "--run", str(tmp_path / "none")), "no longer there"),
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
