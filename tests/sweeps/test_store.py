"""Sweeps on disk: kept, read while runs go on, exported, damaged, deleted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore
from vqcore.sweeps.results import Result
from vqcore.sweeps.spec import SweepSpec
from vqcore.sweeps.store import SweepStore, read, state_of

ROOT = Path(__file__).parents[2]


def test_a_sweep_is_read_as_it_was_made(sweeps: SweepStore, spec: SweepSpec) -> None:
    made = sweeps.create(spec, title=" D \n and distance ", owner="0123", nickname="Ada")
    again = SweepStore(sweeps.root).get(made.id)
    assert again == made
    assert (again.title, again.owner, again.nickname, again.runs) == ("D and distance", "0123", "Ada", ("",) * 8)
    assert not again.read_only
    assert [result.state for result in sweeps.results(again)] == ["planned"] * 8


def test_runs_are_noted_by_place_and_read_in_it(sweeps: SweepStore, spec: SweepSpec, finish: Callable[..., RunFolder]) -> None:
    made = sweeps.create(spec, title="x")
    folder = finish(spec.points()[3].config, used=9, sweep=made.id)
    sweep = sweeps.set_runs(made.id, [(3, folder.id)])
    results = sweeps.results(sweep)
    assert [result.run for result in results] == ["", "", "", folder.id, "", "", "", ""]
    assert results[3].done and results[3].used == 9 and results[3].levels == ("4", "l2") and results[3].seed == 1
    assert folder.about().sweep == made.id
    assert sweeps.get(made.id) == sweep


def test_a_run_that_goes_on_is_read_anew_and_one_that_has_gone_is_missing(
    sweeps: SweepStore, spec: SweepSpec, finish: Callable[..., RunFolder]
) -> None:
    runs = RunStore(sweeps.root)
    folder = runs.create(spec.points()[0].config, name="x")
    sweep = sweeps.set_runs(sweeps.create(spec, title="x").id, [(0, folder.id)])
    assert sweeps.results(sweep)[0].state == "queued"
    folder.set_status(state="running", step=7)
    assert sweeps.results(sweep)[0].steps == 7
    folder.set_status(state="stopped")
    assert sweeps.results(sweep)[0].state == "stopped"
    folder.set_status(state="queued")
    assert sweeps.results(sweep)[0].state == "queued", "a resumed run is no longer what was kept of it"
    runs.delete(folder.id)
    assert sweeps.results(sweep)[0].state == "missing"


def test_an_export_stands_without_its_runs_and_names_nobody(
    sweeps: SweepStore, spec: SweepSpec, finish: Callable[..., RunFolder], tmp_path: Path
) -> None:
    sweep = sweeps.create(spec, title="For the shelf", owner="0123", nickname="Ada")
    sweep = sweeps.set_runs(sweep.id, [(i, finish(point.config, used=10 + i).id) for i, point in enumerate(spec.points())])
    results = sweeps.results(sweep)
    shelf = tmp_path / "shelf"
    sweeps.export(sweep, shelf / "digits.json")
    (found,) = SweepStore(tmp_path / "nowhere", extra=[shelf]).list()
    assert SweepStore(tmp_path / "nowhere", extra=[shelf]).results(found) == results
    assert (found.id, found.title, found.spec, found.read_only) == ("digits", "For the shelf", spec, True)
    assert (found.owner, found.nickname) == ("", "")
    assert "torch" in found.environment
    assert str(tmp_path) not in (shelf / "digits.json").read_text()


def test_the_newest_stands_first_and_what_cannot_be_read_is_passed_over(sweeps: SweepStore, spec: SweepSpec, tmp_path: Path) -> None:
    made = [sweeps.create(spec, title=f"{i}").id for i in range(3)]
    (sweeps.root / "sweeps" / "20260101-000000-torn.json").write_text('{"schema_version": 1, "kind": "swe')
    (sweeps.root / "sweeps" / "20260101-000000-else.json").write_text('{"schema_version": 1, "kind": "other"}')
    assert sorted(sweep.id for sweep in sweeps.list()) == sorted(made)
    assert [sweep.id for sweep in sweeps.list()] == sorted(made, reverse=True)
    assert SweepStore(tmp_path / "empty").list() == []


def test_sweeps_made_under_three_time_zones_stand_in_the_order_of_their_making(sweeps: SweepStore, spec: SweepSpec) -> None:
    times = ["2026-11-28T20:00:00+09:00", "2026-11-28T12:30:00+01:00", "2026-11-28T07:00:00-05:00"]
    for i, created in enumerate(times):
        path = sweeps.path(sweeps.create(spec, title=f"{i}").id)
        data = {**json.loads(path.read_text()), "created": created}
        path.unlink()
        # a file is named after the clock of the place where the sweep was made
        path.with_name(f"{created[:19].replace('-', '').replace(':', '').replace('T', '-')}-{i:04}.json").write_text(json.dumps(data))
    assert [sweep.title for sweep in sweeps.list()] == ["2", "1", "0"]


def damaged(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**data, **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 99}, "newer VQ Lab"),
        ({"kind": "run"}, "is no sweep"),
        ({"runs": ["one"]}, "8 points, but 1 runs"),
        ({"spec": {}}, "base: missing"),
        ({"results": [{"levels": 3}]}, "damaged"),
        ({"results": []}, "damaged"),
    ],
)
def test_a_file_that_is_wrong_says_so(sweeps: SweepStore, spec: SweepSpec, changes: dict[str, Any], said: str) -> None:
    sweep = sweeps.create(spec, title="x")
    path = sweeps.root / "sweeps" / f"{sweep.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(RunError, match=said):
        read(path)


def test_ids_cannot_lead_elsewhere(sweeps: SweepStore, spec: SweepSpec) -> None:
    sweeps.create(spec, title="x")
    for name in ("../x", "", "a/b", ".hidden"):
        with pytest.raises(RunError, match="not the id of a sweep"):
            sweeps.get(name)
    with pytest.raises(RunError, match="no sweep"):
        sweeps.get("20260101-000000-abcd")


def test_deleting_forgets_the_sweep_and_leaves_its_runs(sweeps: SweepStore, spec: SweepSpec, finish: Callable[..., RunFolder]) -> None:
    folder = finish(spec.points()[0].config)
    sweep = sweeps.set_runs(sweeps.create(spec, title="x").id, [(0, folder.id)])
    sweeps.delete(sweep.id)
    assert sweeps.list() == [] and folder.config() == spec.points()[0].config
    with pytest.raises(RunError, match="cannot be deleted"):
        sweeps.delete(sweep.id)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, spec: SweepSpec) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="cannot be written"):
        SweepStore(tmp_path / "file").create(spec, title="x")


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        (("finished", "finished"), "finished"),
        (("queued", "queued"), "waiting"),
        (("queued", "finished"), "running"),
        (("running", "planned"), "running"),
        (("paused", "finished"), "running"),
        (("finished", "stopped"), "partial"),
        (("finished", "missing"), "partial"),
        (("planned", "planned"), "partial"),
        (("failed", "finished"), "partial"),
    ],
)
def test_the_whole_stands_as_its_runs_do(states: tuple[str, ...], whole: str) -> None:
    assert state_of([Result((), {}, i, state=state) for i, state in enumerate(states)]) == whole  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted((ROOT / "assets" / "sweeps").glob("*.json")), ids=lambda path: path.stem)
def test_what_comes_with_the_program_is_complete(path: Path) -> None:
    sweep = read(path)
    assert sweep.results is not None and all(result.done for result in sweep.results)
    assert [(result.levels, result.seed) for result in sweep.results] == [(point.levels, point.seed) for point in sweep.spec.points()]
    assert sweep.environment and not sweep.owner
