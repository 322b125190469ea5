from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.errors import RunError
from vqcore.records import Evaluation, Event, Step, to_json
from vqcore.runs import files
from vqcore.runs.commands import CommandTail
from vqcore.runs.folder import RunFolder, cleaned
from vqcore.runs.lease import HeldLease
from vqcore.runs.writer import RunWriter


def test_a_new_run_waits_in_the_queue(folder: RunFolder) -> None:
    assert folder.config() == RunConfig()
    assert folder.effective_config() == RunConfig()
    about = folder.about()
    assert (about.name, about.owner, about.nickname, about.preset) == ("A run", "cafe", "Ada", "digits")
    assert about.identity == RunConfig().identity
    assert about.created.startswith(f"{folder.id[:4]}-{folder.id[4:6]}-{folder.id[6:8]}")
    status = folder.status()
    assert (status.state, status.attempt, status.lease) == ("queued", 0, None)
    assert folder.metrics().records == folder.events().records == ()
    assert folder.commands() == folder.galleries() == folder.snapshots() == []
    assert folder.gallery() is folder.snapshot() is folder.checkpoint() is None
    assert folder.size() > 0


def test_every_file_of_a_new_run_says_its_version(folder: RunFolder) -> None:
    for path in folder.path.glob("*.json*"):
        first = path.read_text().splitlines()[0] if path.suffix == ".jsonl" else path.read_text()
        assert json.loads(first)["schema_version"] == 1, path.name
    assert len(list(folder.path.glob("*.json*"))) == 6


def test_names_are_one_short_line() -> None:
    assert cleaned("  a\n\tb\x00\x1b[31m  c\u202e ", 80) == "a b [31m c"
    assert cleaned("x" * 100, 80) == "x" * 80


def test_names_keep_what_joins_their_signs() -> None:
    family, persian = "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    for name in (family, persian, scotland):
        assert cleaned(f" {name}\n", 80) == name
    assert cleaned(family, 2) == family[0], "a joiner with nothing behind it joins nothing"
    assert cleaned(" \u200d \u200c\u200d ", 80) == "", "nobody could see such a name"


def test_renaming(folder: RunFolder) -> None:
    folder.rename("  <b>New</b>\n name ")
    assert folder.about().name == "<b>New</b> name"
    assert folder.about().owner == "cafe"
    with pytest.raises(RunError, match="needs a name"):
        folder.rename(" \n ")


def test_commands_are_numbered_by_their_lines(folder: RunFolder) -> None:
    tail = CommandTail(folder.path / "control.jsonl")
    assert tail.poll() == []
    folder.send(Command("pause", id=77, author="cafe", nickname="Ada\nB"))
    with (folder.path / "control.jsonl").open("ab") as file:
        file.write(b'not json\n{"kind":"explode"}\n\n{"kind":"step","steps"')
    assert [(command.kind, command.id, command.nickname) for command in tail.poll()] == [("pause", 1, "Ada B")]
    assert tail.poll() == []
    folder.send(Command("treat", changes={"train.lr": 0.01}))
    (command,) = tail.poll()
    # pause 1, three lines that are none, the torn one that was closed, treat
    assert (command.kind, command.id, command.changes) == ("treat", 6, {"train.lr": 0.01})
    assert tail.skipped == 4
    assert [command.id for command in folder.commands()] == [1, 6]
    assert [command.id for command in folder.commands(after=1)] == [6]


def test_a_lost_control_file_is_made_anew(folder: RunFolder) -> None:
    (folder.path / "control.jsonl").unlink()
    assert folder.commands() == []
    folder.send(Command("stop"))
    assert [(command.kind, command.id) for command in folder.commands()] == [("stop", 1)]


def test_metrics_come_back_as_they_were(folder: RunFolder, make: Any) -> None:
    written = [make.step(1), make.evaluation(1), make.step(2)]
    for record in written:
        folder.append("metrics", to_json(record))
    found = folder.metrics()
    assert list(found.records) == written
    assert found.rewound is None
    folder.append("metrics", to_json(make.step(3)))
    rest = folder.metrics(found.offset)
    assert list(rest.records) == [make.step(3)]


def test_infinite_figures_come_back(folder: RunFolder, make: Any) -> None:
    folder.append("metrics", to_json(make.step(1, loss=float("inf"))))
    (record,) = folder.metrics().records
    assert isinstance(record, Step)
    assert record.loss == float("inf")


def test_what_is_no_record_is_counted_and_passed_over(folder: RunFolder, make: Any) -> None:
    folder.append("metrics", to_json(make.step(1)))
    with (folder.path / "metrics.jsonl").open("ab") as file:
        file.write(b"\x00\xff\n")
    for row in ({"type": "new kind"}, {"type": "step"}, {"type": "step", "step": "x", "books": 3}, {"type": "evaluation", "books": [1]}):
        folder.append("metrics", row)
    folder.append("metrics", {**to_json(make.step(2)), "unknown_field": 1})
    found = folder.metrics()
    assert [record.step for record in found.records] == [1, 2]
    assert found.skipped == 5


def test_what_a_resumed_run_left_behind_is_dropped(folder: RunFolder, make: Any) -> None:
    for record in (make.step(1), make.evaluation(1), make.step(2), make.evaluation(2)):
        folder.append("metrics", to_json(record))
    before = folder.metrics()
    folder.append("metrics", {"type": "rewind", "step": 1})
    folder.append("metrics", to_json(make.step(2, loss=7.0)))
    assert [(type(record), record.step, record.loss) for record in folder.metrics().records] == [
        (Step, 1, 1.0),
        (Evaluation, 1, 0.25),
        (Step, 2, 7.0),
    ]
    since = folder.metrics(before.offset)
    assert since.rewound == 1
    assert [record.step for record in since.records] == [2]


def test_thinned_holds_its_bound_for_each_kind(folder: RunFolder, make: Any) -> None:
    with (folder.path / "metrics.jsonl").open("a") as file:
        for i in range(1, 2001):
            file.write(json.dumps(to_json(make.step(i, loss=50.0 if i == 777 else 1.0))) + "\n")
            file.write(json.dumps(to_json(make.evaluation(i))) + "\n")
    kept = folder.thinned(100).records
    steps = [record for record in kept if isinstance(record, Step)]
    evaluations = [record for record in kept if isinstance(record, Evaluation)]
    assert len(steps) <= 100 and len(evaluations) <= 100
    assert {1, 777, 2000} <= {record.step for record in steps}
    assert {1, 2000} <= {record.step for record in evaluations}


def test_the_effective_config_follows_treatments_and_resumes(folder: RunFolder) -> None:
    def treated(step: int, lr: float) -> None:
        config = RunConfig().edited({"train.lr": lr}).model_dump(mode="json")
        folder.append("events", to_json(Event(step, "treated", "", 1, {"config": config})))

    folder.append("events", to_json(Event(0, "started", "")))
    treated(10, 0.5)
    treated(30, 0.25)
    assert folder.effective_config().train.lr == 0.25
    assert folder.config().train.lr == RunConfig().train.lr
    folder.append("events", to_json(Event(20, "resumed", "")))
    assert folder.effective_config().train.lr == 0.5
    folder.append("events", to_json(Event(0, "started", "")))
    assert folder.effective_config() == RunConfig()
    folder.append("events", to_json(Event(5, "treated", "", 1, {"config": {"train": {"lr": -1}}})))
    with pytest.raises(RunError, match=r"events\.jsonl holds a treatment that this program cannot read"):
        folder.effective_config()


@pytest.mark.parametrize("damage", [b"", b'{"schema_version": 1, "na', None])
def test_a_run_with_damaged_documents_can_still_be_looked_at(folder: RunFolder, make: Any, damage: bytes | None) -> None:
    folder.append("metrics", to_json(make.step(1)))
    for name in ("about", "status", "config"):
        path = folder.path / f"{name}.json"
        path.unlink() if damage is None else path.write_bytes(damage)
    assert folder.about().name == folder.id
    assert folder.about().owner == ""
    status = folder.status()
    assert status.state == "interrupted"
    assert "status.json is" in status.error
    with pytest.raises(RunError, match=r"config\.json is (missing|damaged)"):
        folder.config()
    assert len(folder.metrics().records) == 1


def test_a_status_with_wrong_types_is_damaged(folder: RunFolder) -> None:
    files.write_json(folder.path / "status.json", {"state": "dancing"})
    assert "status.json is damaged: state" in folder.status().error
    files.write_json(folder.path / "config.json", {"train": {"lr": -1}})
    with pytest.raises(RunError, match="no configuration of this program"):
        folder.config()


@pytest.mark.parametrize("name", ["config.json", "about.json", "status.json", "metrics.jsonl", "events.jsonl", "control.jsonl"])
def test_a_newer_file_is_refused_by_name(folder: RunFolder, name: str) -> None:
    path = folder.path / name
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 2'))
    read = {"config": folder.config, "about": folder.about, "status": folder.status, "metrics": folder.metrics, "events": folder.events}
    with pytest.raises(RunError, match="newer VQ Lab: its schema_version is 2, this program reads up to 1") as caught:
        read.get(path.stem, folder.commands)()
    assert name in str(caught.value)


def test_the_latest_picture_that_can_be_read_is_taken(held: HeldLease, folder: RunFolder, make: Any) -> None:
    writer = RunWriter(folder, held)
    for step in (0, 50, 100):
        writer.write(make.gallery(step))
        writer.write(make.snapshot(step))
    (folder.path / "gallery" / "100.npz").write_bytes(b"torn")
    (folder.path / "gallery" / "notes.npz").write_bytes(b"not ours")
    assert folder.galleries() == [0, 50, 100]
    gallery, first, snapshot = folder.gallery(), folder.gallery(0), folder.snapshot()
    assert gallery and gallery.step == 50
    assert first and first.step == 0
    assert snapshot and snapshot.step == 100
    assert folder.gallery(7) is None
    with pytest.raises(RunError, match=r"100\.npz is damaged"):
        folder.gallery(100)


def test_a_run_deleted_while_open_says_so(folder: RunFolder) -> None:
    tail = CommandTail(folder.path / "control.jsonl")
    shutil.rmtree(folder.path)
    readings = (
        folder.config,
        folder.about,
        folder.status,
        folder.metrics,
        folder.events,
        folder.commands,
        folder.gallery,
        folder.snapshots,
    )
    writings = (lambda: folder.send(Command("stop")), lambda: folder.rename("x"), lambda: folder.set_status(message="x"))
    for action in (*readings, *writings, folder.checkpoint, tail.poll):
        with pytest.raises(RunError, match=f"Run {folder.id} is no longer there"):
            action()
    assert not folder.path.exists()


def test_an_example_cannot_be_changed(folder: RunFolder) -> None:
    example = RunFolder(folder.path, read_only=True)
    for action in (lambda: example.send(Command("stop")), lambda: example.rename("x"), lambda: example.set_status(state="failed")):
        with pytest.raises(RunError, match="example that comes with the program"):
            action()
    assert example.status() == folder.status()


def test_a_full_disk_says_so(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, row: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vqcore.runs.folder.append_line", full)
    with pytest.raises(RunError, match=r"is full \([\d,]+ MB free\)\. Nothing written before is lost"):
        folder.send(Command("stop"))
