from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError, RunError
from vqcore.runs import store as stores
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore, runs_folder
from vqcore.runs.writer import RunWriter


def put(folder: RunFolder, **changes: Any) -> None:
    folder.change_status(lambda old: replace(old, **changes))


def test_where_runs_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "mine"))
    assert runs_folder() == tmp_path / "mine"
    monkeypatch.delenv("VQ_RUNS")
    assert runs_folder() == Path.cwd() / "runs"


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    assert RunStore(tmp_path / "none").list() == []
    assert RunStore(tmp_path / "none").find("x") is None
    assert not (tmp_path / "none").exists()


def test_a_line_of_the_table(store: RunStore, folder: RunFolder, make: Any) -> None:
    with acquire(folder, "engine") as held:
        RunWriter(folder, held).write(make.evaluation(40, nmse=0.125, used=7))
        held.outcome = "finished"
    (line,) = store.list()
    config = RunConfig()
    assert (line.id, line.name, line.owner, line.nickname, line.preset, line.state) == (
        folder.id,
        "A run",
        "cafe",
        "Ada",
        "digits",
        "finished",
    )
    assert (line.data, line.K, line.D) == ("digits", config.model.quantizer.K, config.model.quantizer.D)
    assert (line.steps, line.step, line.identity, line.read_only, line.problem) == (config.train.steps, 40, config.identity, False, "")
    assert line.figures and (line.figures.nmse, line.figures.used, line.figures.perplexity) == (0.125, 7, 4.5)


def test_the_newest_comes_first_and_examples_last(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs", extra=[tmp_path / "demo", tmp_path / "missing"])
    example = RunFolder.create(tmp_path / "demo", RunConfig(), name="Example")
    made = [store.create(RunConfig(), name=str(i)) for i in range(3)]
    order = sorted((folder.id for folder in made), reverse=True)
    assert [line.id for line in store.list()] == [*order, example.id]
    assert [line.read_only for line in store.list()] == [False, False, False, True]
    opened = store.get(example.id)
    assert opened.read_only
    with pytest.raises(RunError, match="example that comes with the program and cannot be deleted"):
        store.delete(example.id)
    assert example.path.is_dir()


def dated(folder: RunFolder, created: str) -> RunFolder:
    """The run, as if it had been made at this time."""
    path = folder.path / "about.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "created": created}))
    return folder


def test_runs_made_under_three_time_zones_stand_in_the_order_of_their_making(store: RunStore) -> None:
    # as text the first made would be the last
    times = ["2026-11-28T20:00:00+09:00", "2026-11-28T12:30:00+01:00", "2026-11-28T07:00:00-05:00"]
    made = [dated(store.create(RunConfig(), name=str(i)), time) for i, time in enumerate(times)]
    undated = [dated(store.create(RunConfig(), name=created), created) for created in ("", "yesterday", "9999-99-99")]
    assert [line.name for line in store.list()][:3] == ["2", "1", "0"]
    assert {line.id for line in store.list()[3:]} == {folder.id for folder in undated}
    newest = store.find(RunConfig().identity)
    assert newest is not None
    assert newest.id == made[2].id


def test_what_cannot_be_trained_here_is_refused_before_there_is_a_run(tmp_path: Path) -> None:
    def check(config: RunConfig) -> None:
        if config.train.device == "cuda":
            raise ConfigError("no GPU here")

    store = RunStore(tmp_path / "runs", check=check)
    wanted = RunConfig().edited({"train.device": "cuda"})
    with pytest.raises(ConfigError, match="no GPU"):
        store.create(wanted, name="x")
    with pytest.raises(ConfigError, match="no GPU"):
        store.create_group((RunConfig(), wanted), names=("a", "b"))
    assert store.list() == []


def test_folders_may_be_named_by_text(folder: RunFolder) -> None:
    assert RunFolder(str(folder.path)).status() == folder.status()
    assert [line.id for line in RunStore(str(folder.path.parent), extra=[str(folder.path.parent)]).list()] == [folder.id]
    assert RunFolder.create(str(folder.path.parent), RunConfig(), name="x").path.is_dir()


def test_listing_reads_only_what_changed(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [store.create(RunConfig(), name=str(i)) for i in range(5)]
    store.list()
    read: list[str] = []
    status = RunFolder.status
    monkeypatch.setattr(RunFolder, "status", lambda self: read.append(self.id) or status(self))
    store.list()
    assert read == []
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "status", status)
        put(folders[2], state="finished")
        folders[3].rename("Other")
    states = {line.id: line.state for line in store.list()}
    assert sorted(read) == sorted([folders[2].id, folders[3].id])
    assert states[folders[2].id] == "finished"
    assert "Other" in {line.name for line in store.list()}


def test_a_dead_owner_is_seen_although_nothing_was_written(store: RunStore, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    held = acquire(folder, "engine")
    assert store.list()[0].state == "starting"
    monkeypatch.setattr("vqcore.runs.status.process_created", lambda pid: None)
    assert store.list()[0].state == "interrupted"
    monkeypatch.undo()
    held.release()


@pytest.mark.parametrize(
    ("quantizer", "said"),
    [
        ({"kind": "lfq", "K": 8}, "model.quantizer.kind: there is no kind 'lfq'. There are: vq, residual, fsq."),
        ({"kind": "residual", "stages": []}, "model.quantizer.stages: 0 were given, while at least 1 are needed."),
        ({"kind": "fsq", "levels": [8, 1]}, "model.quantizer.levels.1: "),
    ],
)
def test_a_run_of_an_unknown_quantizer_says_so_and_the_others_stand(
    store: RunStore, folder: RunFolder, quantizer: dict[str, Any], said: str
) -> None:
    other = store.create(RunConfig(), name="Other")
    path = folder.path / "config.json"
    data = json.loads(path.read_text())
    data["model"]["quantizer"] = quantizer
    path.write_text(json.dumps(data))
    lines = {line.id: line for line in store.list()}
    assert said in lines[folder.id].problem
    assert (lines[other.id].problem, lines[other.id].K) == ("", 128)
    with pytest.raises(RunError, match="quantizer"):
        folder.config()


def test_a_line_counts_the_codes_of_all_books(store: RunStore) -> None:
    for kind, K in (("residual", 96), ("fsq", 240)):
        folder = store.create(RunConfig().edited({"model.quantizer.kind": kind}), name=kind)
        assert next(line.K for line in store.list() if line.id == folder.id) == K


def test_what_cannot_be_opened_is_listed_with_its_problem(store: RunStore, folder: RunFolder) -> None:
    config = folder.path / "config.json"
    config.write_text(config.read_text().replace('"schema_version": 1', '"schema_version": 3'))
    (line,) = store.list()
    assert (line.name, line.owner, line.data, line.K) == ("A run", "cafe", "", 0)
    assert "its schema_version is 3" in line.problem
    with pytest.raises(RunError, match="its schema_version is 3"):
        store.get(folder.id)
    store.delete(folder.id)
    assert store.list() == []


def test_what_is_no_run_is_passed_over(store: RunStore, folder: RunFolder) -> None:
    (store.root / "notes").mkdir()
    (store.root / "file").touch()
    (store.root / ".hidden").mkdir()
    (store.root / ".hidden" / "config.json").touch()
    assert [line.id for line in store.list()] == [folder.id]


@pytest.mark.parametrize(
    "name",
    [
        *(
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "..\\x",
            "C:",
            "C:\\x",
            "%2e%2e",
            "%2e%2e%2fx",
            "~",
            "~root",
            "a\x00b",
            "a\nb",
            "a\n",
        ),
        *(
            "x" * 65,
            "x" * 100_000,
            "CON",
            "nul",
            "com1",
            "LPT9",
            ".hidden",
            ".trash-x",
            "-x",
            "a b",
            "a.b",
            "é",
            "２０２６",
            "\u202ex",
            "a:b",
            "*",
            "?run",
        ),
    ],
)
def test_path_tricks_are_no_ids(store: RunStore, folder: RunFolder, tmp_path: Path, name: str) -> None:
    for action in (store.get, store.delete):
        with pytest.raises(RunError, match="is not the id of a run") as caught:
            action(name)
        assert len(str(caught.value)) < 500
    assert folder.path.is_dir()


def test_an_unknown_id_says_where_it_looked(store: RunStore) -> None:
    with pytest.raises(RunError, match="There is no run 20200101-000000-abcd in") as caught:
        store.get("20200101-000000-abcd")
    assert str(store.root) in str(caught.value)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "runs"
    blocked.write_text("a file where the folder should be")
    store = RunStore(blocked)
    with pytest.raises(RunError, match="Make it writable, or set VQ_RUNS") as caught:
        store.create(RunConfig(), name="x")
    assert str(blocked) in str(caught.value)
    with pytest.raises(RunError, match="VQ_RUNS"):
        store.list()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    root.mkdir(mode=0o500)
    with pytest.raises(RunError, match="Make it writable, or set VQ_RUNS"):
        RunStore(root).create(RunConfig(), name="x")


def test_a_full_disk_makes_no_half_run(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vqcore.runs.folder.write_json", full)
    with pytest.raises(RunError, match=r"is full \([\d,]+ MB free\): no run was made"):
        store.create(RunConfig(), name="x")
    assert store.list() == []
    assert list(store.root.iterdir()) == []


def test_deleting(store: RunStore, folder: RunFolder) -> None:
    other = store.create(RunConfig(), name="Other")
    left = store.root / ".trash-20200101-000000-abcd-00"
    left.mkdir()
    (left / "x").touch()
    store.delete(folder.id)
    assert [path.name for path in store.root.iterdir()] == [other.id]
    with pytest.raises(RunError, match="There is no run"):
        store.delete(folder.id)
    with pytest.raises(RunError, match="no longer there"):
        folder.status()


def test_a_live_run_is_not_deleted(store: RunStore, folder: RunFolder) -> None:
    with acquire(folder, "engine"), pytest.raises(RunError, match=rf"process {os.getpid()} on .*Stop it first, then delete it"):
        store.delete(folder.id)
    assert folder.status().state == "interrupted"
    store.delete(folder.id)
    assert store.list() == []


def test_a_run_whose_owner_died_can_be_deleted(store: RunStore, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    held = acquire(folder, "engine")
    monkeypatch.setattr("vqcore.runs.status.process_created", lambda pid: None)
    store.delete(folder.id)
    assert store.list() == []
    held.release()


def test_a_damaged_run_can_be_deleted(store: RunStore, folder: RunFolder) -> None:
    for path in folder.path.glob("*.json*"):
        path.write_bytes(b"\x00")
    assert store.list()[0].problem
    store.delete(folder.id)
    assert list(store.root.iterdir()) == []


def test_finding_the_same_experiment(store: RunStore) -> None:
    config = RunConfig()
    faster = config.edited({"train.speed_limit": 5.0})
    other = config.edited({"train.seed": 1})
    first = store.create(config, name="first")
    assert (found := store.find(faster.identity)) and found.id == first.id
    assert store.find(other.identity) is None
    put(first, state="finished")
    second = store.create(faster, name="second")
    put(second, state="failed")
    assert (found := store.find(config.identity)) and found.id == first.id
    for state in ("stopped", "interrupted", "failed", "running"):  # running without an owner: interrupted
        put(first, state=state)
        assert store.find(config.identity) is None
    put(first, state="finished", treated=True)
    assert store.find(config.identity) is None


def test_ids_do_not_clash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(["20261123-104512-0001", "20261123-104512-0001", "20261123-104512-0002"])
    monkeypatch.setattr("vqcore.runs.names.new_id", lambda: next(given))
    store = RunStore(tmp_path)
    assert [store.create(RunConfig(), name="x").id for _ in range(2)] == ["20261123-104512-0001", "20261123-104512-0002"]
    monkeypatch.undo()
    assert stores._ID.fullmatch(store.create(RunConfig(), name="x").id)


def test_a_name_that_people_typed_is_kept_as_text(store: RunStore) -> None:
    folder = store.create(RunConfig(), name="<script>alert(1)</script>\n", nickname="x" * 99)
    assert folder.about().name == "<script>alert(1)</script>"
    assert len(folder.about().nickname) == 24
    assert store.create(RunConfig(), name=" \n").about().name == "Untitled"


def test_a_group_knows_each_other(store: RunStore) -> None:
    config = RunConfig()
    runs = store.create_group(
        (config, config.edited({"train.lr": 0.5}), config), names=("left", "middle", "right"), owner="cafe", preset="collapse:x"
    )
    ids = [run.id for run in runs]
    assert [(run.about().leader, run.about().follower) for run in runs] == [("", ids[1]), (ids[0], ids[2]), (ids[1], "")]
    assert [run.about().name for run in runs] == ["left", "middle", "right"] and {run.about().owner for run in runs} == {"cafe"}
    assert [run.config().train.lr for run in runs] == [1e-3, 0.5, 1e-3]
    lines = {line.id: line for line in store.list()}
    assert lines[ids[1]].follower == ids[2] and lines[ids[1]].leader == ids[0]
    for run in runs:
        assert [member.id for member in store.group(run.id)] == ids
    runs[1].rename("renamed")
    assert len(store.group(ids[0])) == 3
    store.delete(ids[2])
    assert [member.id for member in store.group(ids[0])] == ids[:2] == [member.id for member in store.group(ids[1])]
    store.delete(ids[1])
    assert [member.id for member in store.group(ids[0])] == ids[:1]


def test_a_run_that_names_another_is_no_group_unless_both_do(store: RunStore, folder: RunFolder) -> None:
    assert [run.id for run in store.group(folder.id)] == [folder.id]
    claims = RunFolder.create(store.root, RunConfig(), name="x", leader=folder.id)
    assert len(store.group(claims.id)) == len(store.group(folder.id)) == 1
    with pytest.raises(RunError, match="There is no run"):
        store.group("20200101-000000-abcd")


def test_a_group_is_made_whole_or_not_at_all(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    create = RunFolder.create.__func__  # type: ignore[attr-defined]

    def second_fails(cls: type[RunFolder], root: Path, config: RunConfig, **how: Any) -> RunFolder:
        if not how.get("leader"):
            raise RunError("The disk is full.")
        made: RunFolder = create(cls, root, config, **how)
        return made

    monkeypatch.setattr(RunFolder, "create", classmethod(second_fails))
    with pytest.raises(RunError, match="full"):
        store.create_group([RunConfig()] * 2, names=("left", "right"))
    assert store.list() == []


def test_a_run_of_a_sweep_says_which(store: RunStore, folder: RunFolder) -> None:
    swept = store.create(RunConfig(), name="x", sweep="20261123-104512-3f9a")
    assert swept.about().sweep == "20261123-104512-3f9a"
    assert {line.id: line.sweep for line in store.list()} == {swept.id: "20261123-104512-3f9a", folder.id: ""}


def test_runs_of_earlier_versions_belong_to_nothing(store: RunStore, folder: RunFolder) -> None:
    path = folder.path / "about.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps({name: data[name] for name in data if name not in ("leader", "follower", "sweep")}))
    about = folder.about()
    assert (about.name, about.leader, about.follower, about.sweep) == ("A run", "", "", "")
