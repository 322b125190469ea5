"""The panel of sweeps: what it proposes, starts, follows, shows, cancels and deletes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session, sweepform, sweeps, sweepwork
from vqcore.config.presets import PRESETS
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.records import BookEvaluation, Evaluation, Event
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter
from vqcore.sweeps.results import Result, cells
from vqcore.sweeps.spec import SweepSpec, parse_vary
from vqcore.sweeps.store import Sweep, SweepStore

ADA, BOB = "a" * 43, "b" * 43

SCRIPT = """
from pages.ui import session, sweeps
with session.errors_shown():
    sweeps.panel()
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No bundled sweeps, and no estimates of earlier tests."""
    monkeypatch.setattr(sweepwork, "BUNDLED", tmp_path / "none")
    monkeypatch.setattr(sweepform, "_timed", {})


@pytest.fixture
def panel(store: RunStore) -> Callable[..., AppTest]:
    def opened(cookie: str = ADA) -> AppTest:
        at = AppTest.from_string(SCRIPT, default_timeout=60)
        at.session_state["guest"] = cookie
        return at.run()

    return opened


def small(**changes: Any) -> SweepSpec:
    base = PRESETS["digits"].config.edited({"train.steps": 40})
    return SweepSpec.parse({"base": base, "axes": [parse_vary("model.quantizer.D=4,16")], "seeds": [0, 1], **changes})


@pytest.fixture
def made(store: RunStore) -> Callable[..., Sweep]:
    """A sweep of four runs that Ada began, all queued: `made()`."""

    def make(spec: SweepSpec | None = None, cookie: str = ADA) -> Sweep:
        spec = spec or small()
        owner = session.owner_hash(cookie) if cookie else ""
        sweep = SweepStore(store.root).create(spec, title="D", owner=owner, nickname="Ada" if cookie else "command line")
        runs = [store.create(point.config, name="x", owner=owner, sweep=sweep.id).id for point in spec.points()]
        return SweepStore(store.root).set_runs(sweep.id, enumerate(runs))

    return make


def finish(folder: RunFolder, used: int) -> None:
    steps = folder.config().train.steps
    with acquire(folder, "cli") as lease:
        writer = RunWriter(folder, lease)
        writer.write(Event(0, "started", "On the processor."))
        book = BookEvaluation("codes", 32, used, 9.0, 3.17, 5744, 16, 80.0)
        writer.write(Evaluation(steps, 359, True, 0.3, {"reconstruction": 0.3}, 0.01, 0.1, 0.52, 18.0, (book,)))
        writer.write(Event(steps, "finished", "Finished."))


def texts(at: AppTest) -> str:
    return " ".join(element.value for element in (*at.markdown, *at.caption, *at.info, *at.warning, *at.error))


def chart(at: AppTest, name: str) -> dict[str, Any]:
    for block in at.get("bidi_component"):
        figure = json.loads(json.loads(block.proto.json)["figure"])
        if name in figure["layout"]["meta"]["name"]:
            return dict(figure)
    raise AssertionError(f"no chart {name}")


# ── a new one ──


def test_the_empty_panel_teaches_and_proposes_a_sweep(panel: Callable[..., AppTest], engine: Any) -> None:
    at = panel()
    assert not at.exception and not at.error
    assert "same model with other settings" in texts(at)
    assert at.button(key="sweepform_start").label == "Start 12 runs"
    assert "**12 runs** · measuring how long a step takes" in texts(at)
    assert [target for target, _, _ in engine.lights] == ["vqcore.analysis.stopwatch:step_seconds"] * 2


def test_the_count_and_the_time_come_before_anything_starts(panel: Callable[..., AppTest], engine: Any, store: RunStore) -> None:
    at = panel()
    for _, _, answer in engine.lights:
        answer.set_result(0.01)
    at.run()
    # 12 runs of 600 steps and 13 evaluations of 360 pictures, a third of a step for every batch of 64; two slots
    wanted = 12 * 0.01 * (600 + 13 * 360 / 64 / 3) / 2
    assert f"about {wanted:.0f} s, 2 at a time" in texts(at)
    assert not store.list()


def test_starting_makes_ordinary_runs_and_puts_them_in_line(panel: Callable[..., AppTest], engine: Any, store: RunStore) -> None:
    at = panel()
    at.pills(key="sweepform_D").set_value([4, 16]).run()
    at.pills(key="sweepform_distance").set_value([]).run()
    at.text_input(key="sweepform_steps").set_value("50").run()
    at.text_input(key="sweepform_title").set_value("Mine").run()
    assert at.button(key="sweepform_start").label == "Start 4 runs"
    at.button(key="sweepform_start").click().run()
    (sweep,) = SweepStore(store.root).list()
    assert (sweep.title, sweep.owner) == ("Mine", session.owner_hash(ADA))
    runs = store.list()
    assert {entry.id for entry in runs} == set(sweep.runs) == set(engine.submitted)
    assert all(entry.owner == sweep.owner and entry.sweep == sweep.id for entry in runs)
    assert sorted((entry.D, entry.steps) for entry in runs) == [(4, 50), (4, 50), (16, 50), (16, 50)]
    assert "**0 of 4** runs finished" in texts(at)
    assert not at.toggle(key="sweeps_new").value


def test_what_cannot_be_run_is_said_in_the_form(panel: Callable[..., AppTest], store: RunStore) -> None:
    at = panel()
    at.pills(key="sweepform_learning").set_value(["ema"]).run()
    at.pills(key="sweepform_cures").set_value(["without", "with"]).run()
    assert any("changed by two axes" in error.value.replace("\\", "") for error in at.error)
    assert not [button for button in at.button if button.key == "sweepform_start"]


def test_a_page_starts_no_more_than_it_should(panel: Callable[..., AppTest]) -> None:
    at = panel()
    at.text_input(key="sweepform_seeds").set_value("10").run()
    at.pills(key="sweepform_K").set_value([16, 32]).run()
    assert at.button(key="sweepform_start").disabled
    assert "120 runs: a page starts at most 60" in texts(at)


def test_an_engine_that_failed_or_cannot_time_a_step_is_said(panel: Callable[..., AppTest], engine: Any) -> None:
    at = panel()
    for _, _, answer in engine.lights:
        answer.set_exception(EngineError("No worker."))
    at.run()
    assert "how long they take will be seen" in texts(at)
    engine.state = Health("failed", "It could not be started.", 0, 0, 0, 1.0)
    assert "nothing can be trained now" in texts(panel())


def test_the_open_run_can_be_varied(store: RunStore, engine: Any, finished: Callable[..., RunFolder]) -> None:
    folder = finished("Mine")
    at = AppTest.from_string(SCRIPT, default_timeout=60)
    at.session_state["guest"], at.session_state["run_id"] = ADA, folder.id
    at.run()
    at.pills(key="sweepform_base").set_value("open").run()
    at.pills(key="sweepform_D").set_value([]).run()
    at.pills(key="sweepform_distance").set_value([]).run()
    at.button(key="sweepform_start").click().run()
    (sweep,) = SweepStore(store.root).list()
    assert sweep.spec.base == folder.config().edited({"train.steps": 600})


# ── followed ──


def test_a_waiting_sweep_says_what_it_waits_for(panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore) -> None:
    sweep = made()
    store.get(sweep.runs[0]).set_status(message="One run comes before it.")
    at = panel()
    assert "**0 of 4** runs finished" in texts(at) and "One run comes before it" in texts(at).replace("\\", "")
    assert [button.key for button in at.button if button.key.startswith("sweeps_cancel")]


def test_progress_counts_steps(panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore) -> None:
    sweep = made()
    finish(store.get(sweep.runs[0]), 32)
    store.get(sweep.runs[1]).set_status(state="running", step=20)
    results = SweepStore(store.root).results(sweep)
    at = panel()
    assert "**1 of 4** runs finished" in texts(at)
    assert sweeps._share(sweep, results) == pytest.approx((40 + 20) / 160)


def test_finished_runs_become_charts_and_a_table(panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore) -> None:
    sweep = made()
    for run, used in zip(sweep.runs, (32, 28, 8, 4), strict=True):
        finish(store.get(run), used)
    at = panel()
    assert not at.exception and not at.error
    (trace,) = chart(at, "Codes used, validation")["data"]
    assert (trace["x"], trace["y"]) == ([4, 16], [93.75, 18.75])
    assert chart(at, "PSNR")["data"][0]["y"] == [18.0, 18.0]
    table = at.dataframe[0].value
    assert list(table["D"]) == ["4", "16"] and list(table["Codes used (%)"]) == [93.75, 18.75]
    assert list(table["Lowest, highest"]) == ["88 to 100", "12 to 25"]
    at.segmented_control(key="sweeps_error").set_value("nmse").run()
    assert chart(at, "NMSE")["data"][0]["y"] == [0.1, 0.1]
    assert "5,744 vectors" in texts(at)


def test_failed_and_missing_runs_are_told_and_the_others_count(
    panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore
) -> None:
    sweep = made()
    finish(store.get(sweep.runs[0]), 32)
    store.get(sweep.runs[1]).set_status(state="failed", error="The loss is NaN at step 7.")
    store.get(sweep.runs[2]).set_status(state="stopped")
    store.delete(sweep.runs[3])
    at = panel()
    said = texts(at).replace("\\", "")
    assert "1 of 4 runs failed" in said and "The loss is NaN at step 7." in said and "D = 4, seed 1" in said
    assert "2 runs have not finished" in said
    assert chart(at, "Codes used")["data"][0]["y"] == [100.0]


def test_going_on_submits_what_rests_and_makes_anew_what_is_gone(
    panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore, engine: Any
) -> None:
    sweep = made()
    finish(store.get(sweep.runs[0]), 32)
    store.get(sweep.runs[1]).set_status(state="interrupted")
    store.get(sweep.runs[2]).set_status(state="stopped")
    store.delete(sweep.runs[3])
    panel().button(key="sweeps_go_on").click().run()
    again = SweepStore(store.root).get(sweep.id)
    assert again.runs[:3] == sweep.runs[:3] and again.runs[3] != sweep.runs[3]
    assert engine.submitted == [again.runs[1], again.runs[2], again.runs[3]]
    assert store.get(again.runs[3]).config() == sweep.spec.points()[3].config


def test_cancelling_stops_what_waits_or_trains(
    panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore, engine: Any
) -> None:
    sweep = made()
    finish(store.get(sweep.runs[0]), 32)
    panel().button(key="sweeps_cancel").click().run()
    assert [(run, command.kind, command.author) for run, command in engine.sent] == [
        (run, "stop", session.owner_hash(ADA)) for run in sweep.runs[1:]
    ]


def test_an_engine_that_refuses_is_said(
    panel: Callable[..., AppTest], made: Callable[..., Sweep], engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made()

    def stop(*_: object, **__: object) -> None:
        raise EngineError("The engine is gone.")

    monkeypatch.setattr(engine, "stop", stop)
    at = panel().button(key="sweeps_cancel").click().run()
    assert any("The engine is gone" in error.value for error in at.error)


def test_deleting_takes_the_runs_along_and_waits_for_training_ones(
    panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore, finished: Callable[..., RunFolder]
) -> None:
    other = finished("Another")
    sweep = made()
    assert not [button for button in panel().button if button.key == "sweeps_delete_sure"], "not while it waits"
    for run in sweep.runs:
        finish(store.get(run), 32)
    panel().button(key="sweeps_delete_sure").click().run()
    assert [entry.id for entry in store.list()] == [other.id]
    assert SweepStore(store.root).list() == []


def test_others_may_look_but_not_touch(panel: Callable[..., AppTest], made: Callable[..., Sweep]) -> None:
    made()
    keys = [button.key for button in panel(BOB).button]
    assert not [key for key in keys if key in ("sweeps_cancel", "sweeps_go_on", "sweeps_delete_sure")]


def test_a_sweep_of_the_command_line_says_how_to_go_on(panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore) -> None:
    sweep = made(cookie="")
    for run in sweep.runs:
        store.get(run).set_status(state="stopped")
    at = panel()
    assert [code.value for code in at.code] == [f"python -m vqcore sweep --resume {sweep.id}"]


def test_stored_results_are_shown_and_nobody_changes_them(
    panel: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, made: Callable[..., Sweep], store: RunStore, tmp_path: Path
) -> None:
    sweep = made()
    for run in sweep.runs:
        finish(store.get(run), 16)
    mine = SweepStore(store.root)
    mine.export(sweep, tmp_path / "shelf" / "stored.json")
    mine.delete(sweep.id)
    monkeypatch.setattr(sweepwork, "BUNDLED", tmp_path / "shelf")
    monkeypatch.setattr(sweepwork, "_stores", {})
    at = panel()
    assert at.selectbox(key="sweeps_chosen").value == "stored"
    assert chart(at, "Codes used")["data"][0]["y"] == [50.0, 50.0]
    assert not [button for button in at.button if button.key.startswith(("sweeps_delete", "sweeps_cancel", "sweeps_open"))]


def test_seeds_alone_are_a_sweep(panel: Callable[..., AppTest], made: Callable[..., Sweep], store: RunStore) -> None:
    sweep = made(small(axes=[]))
    for run in sweep.runs:
        finish(store.get(run), 16)
    assert chart(panel(), "by seed")["data"][0]["x"] == ["0", "1"]


def test_the_download_has_a_line_a_run() -> None:
    spec = small()
    results = [
        Result(point.levels, point.changes, point.seed, run=f"r{i}", state="finished", K=32, D=4, used=i, psnr=18.5, images=9)
        for i, point in enumerate(spec.points())
    ]
    lines = list(csv.DictReader(io.StringIO(sweeps.to_csv(Sweep("x", "x", spec, ("",) * 4), results))))
    assert [(line["model.quantizer.D"], line["seed"], line["used"], line["run"]) for line in lines] == [
        ("4", "0", "0", "r0"),
        ("4", "1", "1", "r1"),
        ("16", "0", "2", "r2"),
        ("16", "1", "3", "r3"),
    ]
    assert lines[0]["psnr"] == "18.5" and lines[0]["state"] == "finished"
    assert sweeps.rows(Sweep("x", "x", spec, ("",) * 4), cells(results))["Seeds"] == ["2 of 2", "2 of 2"]
