"""Training by the command line: what it builds, what it writes, and how it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.invoke import SMALL, invoke
from vqcore.cli.configuration import build_config, build_sweep, parse_change
from vqcore.config.presets import PRESETS
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.control import Command, Planned
from vqcore.device import available_devices
from vqcore.errors import ConfigError
from vqcore.jobs import worker
from vqcore.records import Evaluation, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import EXAMPLES, RunStore

ROOT = Path(__file__).parents[2]


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


def test_another_kind_says_what_it_has_no_place_for(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(PRESETS["photos"].config.edited({"data.patches": 300}).model_dump_json())
    said: list[str] = []
    config, _ = build_config(None, file, ["data.count=400", "data.kind=shapes"], None, say=said.append)
    assert (config.data.kind, getattr(config.data, "count", 0)) == ("shapes", 400)
    assert said == ["data is shapes now, which has no place for patches = 300."]
    spec, _ = build_sweep(None, file, [], None, ["data.kind=photos,shapes"], [], 2, said.append)
    assert [point.config.data.kind for point in spec.points()] == ["photos"] * 2 + ["shapes"] * 2
    assert said[1:] == ["shapes: data is shapes now, which has no place for patches = 300."]


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
        (("--resume", "20260101-000000-abcd"), "none of this id"),
        (("--resume", "nowhere", "--name", "x"), "keeps its folder and its name"),
        (("--preset", "digits", "--device", "cpu", "--set", "train.device=auto"), "not both"),
        (("--preset", "digits", "--set", f"model.hidden={'[' * 100_000}"), "model.hidden"),
        (("--preset", "digits", "--set", f"model.hidden={'9' * 5_000}"), "model.hidden"),
        (("--preset", "digits", "--set", f"model.hidden={'[' * 900}{']' * 900}"), "model.hidden"),
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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_config_file_may_be_in_any_encoding_that_json_may_have(encoding: str, tmp_path: Path) -> None:
    config = PRESETS["collapse"].config
    file = tmp_path / "saved by Notepad.json"
    file.write_text(config.model_dump_json(), encoding=encoding)
    assert build_config(None, file, [], None) == (config, "saved by Notepad")


def test_a_config_file_of_brackets_without_end_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text("[" * 200_000)
    result = invoke("train", "--config", str(file))
    assert result.exit_code == 2
    assert "deep.json: not JSON" in " ".join(result.stderr.split())


def test_a_priors_config_is_refused_with_the_command_that_trains_one(runs: Path, tmp_path: Path) -> None:
    example = next(path for path in EXAMPLES.iterdir() if isinstance(RunFolder(path).config(), PriorRunConfig))
    for command in (("train",), ("sweep", "--seeds", "2")):
        result = invoke(*command, "--config", str(example / "config.json"))
        assert result.exit_code == 2
        assert f"prior --run {example} --prior pixelcnn" in result.stderr
    alone = tmp_path / "config.json"
    alone.write_bytes((example / "config.json").read_bytes())
    assert f"prior --run {RunFolder(example).config().at('parent.run')} " in invoke("train", "--config", str(alone)).stderr
    assert not runs.exists()


@pytest.mark.skipif("cuda" in available_devices(), reason="there is a GPU here")
def test_a_device_that_is_not_here_is_refused_before_there_is_a_run(runs: Path) -> None:
    example = next(path for path in EXAMPLES.iterdir())
    for command in (("train", *SMALL), ("prior", "--run", example.name), ("sweep", *SMALL, "--vary", "train.device=cpu,cuda")):
        device = () if command[0] == "sweep" else ("--device", "cuda")
        result = invoke(*command, *device)
        assert result.exit_code == 2, result.output
        assert "this machine has" in result.stderr
    assert not RunStore(runs).list()
    assert not (runs / "sweeps").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    result = invoke("train", *SMALL, "--out", str(blocked))
    assert result.exit_code == 2
    assert str(blocked) in "".join(result.stderr.split("\n"))


# ── going on ──


@pytest.fixture
def stopped(runs: Path) -> RunFolder:
    """A run that was stopped after five steps of forty, pinned to the processor."""
    config, _ = build_config("digits", None, [*SMALL[3::2], "train.device=cpu", "train.steps=40"], None)
    folder = RunStore(runs).create(config, name="stopped")
    worker.run(folder, "cli", Planned({5: [Command("stop")]}))
    assert (folder.status().state, folder.status().step) == ("stopped", 5)
    return folder


def test_a_run_goes_on_by_its_id_and_what_may_change_changes(stopped: RunFolder) -> None:
    result = invoke("train", "--resume", stopped.id, "--steps", "8", "--device", "auto", "--set", "train.lr=0.002")
    assert result.exit_code == 0, result.output
    state = stopped.checkpoint()
    assert state is not None
    config = RunConfig.parse(state.meta["config"])
    assert (config.train.steps, config.train.device, config.train.lr) == (8, "auto", 0.002)
    assert (stopped.status().state, stopped.status().step) == ("finished", 8)
    assert stopped.config().train.device == "auto"
    treated = [event for event in stopped.events().records if event.kind == "treated"]
    assert [event.data["changes"] for event in treated] == [{"train.steps": 8, "train.lr": 0.002}]


def test_what_cannot_change_in_the_middle_of_a_run_is_refused(stopped: RunFolder) -> None:
    before = stopped.config()
    result = invoke("train", "--resume", stopped.id, "--set", "model.quantizer.K=64", "--device", "auto")
    assert result.exit_code == 2
    assert "model.quantizer.K cannot change" in result.stderr
    assert "train.lr" in result.stderr
    assert (stopped.config(), stopped.commands(), stopped.status().state) == (before, [], "stopped")


def test_an_edited_config_file_is_said_and_its_device_counts(stopped: RunFolder) -> None:
    edited = stopped.config().edited({"model.hidden": 16, "train.device": "auto", "train.steps": 7})
    (stopped.path / "config.json").write_text(edited.model_dump_json())
    result = invoke("train", "--resume", stopped.id, "--steps", "6")
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    assert "config.json was edited: model.hidden is 16 there and 8 in the checkpoint" in said
    assert "train.device is" not in said
    state = stopped.checkpoint()
    assert state is not None
    assert RunConfig.parse(state.meta["config"]).train.device == "auto"


def test_a_run_without_edits_says_nothing_of_them(stopped: RunFolder) -> None:
    result = invoke("train", "--resume", str(stopped.path), "--steps", "7")
    assert "was edited" not in result.stdout
    stopped.change_status(lambda old: replace(old, state="stopped"))
    assert "was edited" not in invoke("train", "--resume", stopped.id).stdout


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


def test_data_of_one_constant_fail_with_a_message(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 100), ("t10k", 20)):
        shape = count.to_bytes(4, "big") + (28).to_bytes(4, "big") * 2
        (raw / f"{part}-images.idx3-ubyte").write_bytes(b"\0\0\x08\x03" + shape + bytes(count * 28 * 28))
        (raw / f"{part}-labels.idx1-ubyte").write_bytes(b"\0\0\x08\x01" + count.to_bytes(4, "big") + bytes(count))
    monkeypatch.setenv("VQ_DATA", str(tmp_path / "data"))
    result = invoke("train", "--preset", "mnist", "--steps", "2")
    assert result.exit_code == 2
    assert "have the same value everywhere" in result.stderr


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
