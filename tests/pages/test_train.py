"""The Train screen: starting a run, and every state that a run can be in while someone watches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from vqcore.config.presets import PRESETS
from vqcore.control import Command
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.records import Event
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.status import RunState
from vqcore.runs.store import RunStore
from vqcore.runs.tail import shared_tail
from vqcore.runs.writer import RunWriter

from .conftest import ADA, BOB, FakeEngine

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


def said(at: AppTest) -> str:
    """Everything that the page says, as it is read."""
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def buttons(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key and button.key.startswith(("control_", "start_"))}


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    """The figures on the page by their name in words."""
    found = [json.loads(element.proto.json) for element in at.get("bidi_component") if element.proto.component_name == "vq_chart"]
    drawn = [json.loads(data["figure"]) for data in found]
    return {figure["layout"]["meta"]["name"]: figure for figure in drawn}


@contextmanager
def held(folder: RunFolder, state: RunState = "running", message: str = "") -> Iterator[HeldLease]:
    """The run as a living process has it."""
    lease = acquire(folder, "engine")
    try:
        lease.set_status(state=state, message=message)
        yield lease
    finally:
        lease.release("stopped")


# ---- nothing open


def test_without_a_run_the_screen_shows_what_can_be_trained(page: Page) -> None:
    at = page("train")
    assert {f"start_{name}" for name in PRESETS} <= buttons(at)
    for preset in PRESETS.values():
        assert preset.sentence in said(at)
    assert "Try this" in said(at)


def test_every_preset_has_its_picture() -> None:
    from pages.ui.start import CARDS

    assert {f"{name}.png" for name in (*(name for name, preset in PRESETS.items() if not preset.more), "own")} == {
        path.name for path in CARDS.glob("*.png")
    }


def test_one_click_starts_a_preset_and_opens_its_run(page: Page, store: RunStore, engine: FakeEngine) -> None:
    at = page("train")
    at.button(key="start_collapse").click().run()
    assert not at.exception
    (run,) = store.list()
    assert engine.submitted == [run.id]
    assert at.session_state["run_id"] == run.id
    assert store.get(run.id).config() == PRESETS["collapse"].config
    assert run.owner == session.owner_hash(ADA) and run.preset == "collapse"
    assert figures(at)["Step of 1,500"] == "0"


def test_more_models_are_offered_and_one_click_starts_them(page: Page, store: RunStore, engine: FakeEngine) -> None:
    at = page("train")
    assert "More models" in [expander.label for expander in at.expander]
    at.button(key="start_residual").click().run()
    assert not at.exception
    (run,) = store.list()
    assert store.get(run.id).config() == PRESETS["residual"].config


def test_the_same_preset_and_seed_is_offered_as_the_run_that_exists(page: Page, store: RunStore, engine: FakeEngine) -> None:
    page("train").button(key="start_digits").click().run()
    (existing,) = store.list()
    other = page("train", cookie=BOB)
    other.button(key="start_digits").click().run()
    assert len(store.list()) == 1, "nothing is trained twice unasked"
    assert "same settings" in said(other)
    other.button(key="start_open").click().run()
    assert other.session_state["run_id"] == existing.id
    assert len(store.list()) == 1


def test_the_same_run_can_be_trained_again_when_wanted(page: Page, store: RunStore, engine: FakeEngine) -> None:
    page("train").button(key="start_digits").click().run()
    at = page("train")
    at.button(key="start_digits").click().run()
    at.button(key="start_again").click().run()
    assert len(store.list()) == 2
    assert len(engine.submitted) == 2


def test_another_seed_is_another_run(page: Page, store: RunStore, finished: Finished) -> None:
    config = PRESETS["digits"].config
    store.create(config.edited({"train.seed": 1}), name="Seed 1")
    at = page("train")
    at.button(key="start_digits").click().run()
    assert len(store.list()) == 2


def test_a_run_of_ones_own_is_set_up_in_the_form(page: Page, store: RunStore, engine: FakeEngine) -> None:
    at = page("train")
    assert not at.text_input, "the form comes after the pictures"
    at.toggle(key="start_own").set_value(True).run()
    at.text_input(key="start_form.model.quantizer.K").set_value("7").run()
    at.text_input(key="start_name").set_value("Seven").run()
    at.button(key="start_custom").click().run()
    (run,) = store.list()
    assert (run.name, run.K) == ("Seven", 7)


def test_settings_that_cannot_be_trained_cannot_be_started(page: Page, store: RunStore) -> None:
    at = page("train")
    at.toggle(key="start_own").set_value(True).run()
    at.text_input(key="start_form.model.quantizer.K").set_value("1").run()
    assert at.button(key="start_custom").disabled
    assert at.error and not at.exception
    assert not store.list()


def test_a_warming_engine_is_said_and_runs_can_be_started_all_the_same(page: Page, engine: FakeEngine) -> None:
    engine.state = Health("starting", "Loading.", 0, 0, 0, 1.0)
    at = page("train")
    assert "warming up" in said(at)
    at.button(key="start_digits").click().run()
    assert len(engine.submitted) == 1


def test_a_failed_engine_says_why(page: Page, engine: FakeEngine) -> None:
    engine.state = Health("failed", "The port is taken.", 0, 0, 0, 1.0)
    assert "The port is taken." in said(page("train"))


def test_what_cannot_be_started_is_said_on_the_page(page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run_id: str) -> None:
        raise EngineError("No slot, and none to come.")

    monkeypatch.setattr(engine, "submit", refuse)
    at = page("train")
    at.button(key="start_digits").click().run()
    assert not at.exception
    assert "No slot, and none to come." in said(at)


# ---- watching


def test_a_finished_run_shows_figures_curves_pictures_and_no_controls(page: Page, finished: Finished) -> None:
    folder = finished("Done", cookie=ADA)
    at = page("train", run=folder.id)
    assert not at.exception and not at.error
    plain = {"Codes used": "5 of 8", "Step of 100": "100", "Error": "0.250", "Images/s": "6,400", "Time left": "–"}
    exact = {"NMSE": "0.2500", "Dead": "3 of 8", "Ever used": "6 of 8"}
    assert figures(at).items() >= (plain | exact).items()
    sorted_usage = "How often each code is chosen, sorted"
    assert set(charts(at)) == {"Loss curves", "Codes used", "Perplexity (codes)", "Lengths", "Error", sorted_usage}
    pictures = "".join(part.proto.body for part in at.get("html"))
    for alt in ("original pictures", "reconstructions at step 100", "codes chosen"):
        assert alt in pictures
    assert buttons(at) == {"start_another"}


def test_the_histogram_can_be_read_by_index(page: Page, finished: Finished) -> None:
    at = page("train", run=finished(cookie=ADA).id)
    at.toggle(key="train_by_index").set_value(True).run()
    bars = charts(at)["How often each code is chosen, by index"]["data"][0]
    assert bars["customdata"] == list(range(8))


def test_other_pictures_can_be_asked_for(page: Page, finished: Finished) -> None:
    at = page("train", run=finished(cookie=ADA).id)
    before = [part.proto.body for part in at.get("html") if "original" in part.proto.body]
    at.button(key="train_others").click().run()
    after = [part.proto.body for part in at.get("html") if "original" in part.proto.body]
    assert after != before


def test_points_are_drawn_in_the_plane(page: Page, finished: Finished) -> None:
    at = page("train", run=finished(cookie=ADA, points=True).id)
    assert not at.exception and not at.error
    assert "Points and reconstructions" in charts(at)


@pytest.mark.parametrize("message", ["Waiting: 2 runs are before this one.", ""])
def test_a_queued_run_says_what_it_waits_for_and_can_be_stopped(page: Page, store: RunStore, engine: FakeEngine, message: str) -> None:
    folder = store.create(PRESETS["digits"].config, name="Later", owner=session.owner_hash(ADA))
    folder.set_status(message=message)
    at = page("train", run=folder.id)
    assert not at.exception and not at.error
    assert (message or "Waiting") in said(at)
    assert figures(at)["Codes used"] == "–"
    assert at.button(key="control_pause").disabled and not at.button(key="control_stop").disabled
    at.button(key="control_stop").click().run()
    assert [command.kind for _, command in engine.sent] == ["stop"]


def test_a_download_is_said_while_it_lasts(page: Page, store: RunStore) -> None:
    folder = store.create(PRESETS["mnist"].config, name="Digits", owner=session.owner_hash(ADA))
    with held(folder, "starting", "Downloading MNIST: 3 of 11 MB."):
        assert "Downloading MNIST: 3 of 11 MB." in said(page("train", run=folder.id))


def test_a_running_run_is_controlled_and_every_click_is_signed(page: Page, finished: Finished, engine: FakeEngine) -> None:
    folder = finished("Going", cookie=ADA, **{"train.steps": 1000})
    with held(folder):
        at = page("train", run=folder.id)
        assert not at.exception and not at.error
        assert figures(at)["Time left"] == "0:09"
        at.button(key="control_pause").click().run()
        at.button(key="control_step").click().run()
        at.toggle(key="control_treat").set_value(True).run()
        at.button(key="control_revive").click().run()
    assert [(run, command.kind) for run, command in engine.sent] == [(folder.id, kind) for kind in ("pause", "step", "revive")]
    assert {command.author for _, command in engine.sent} == {session.owner_hash(ADA)}


def test_the_number_of_steps_is_chosen(page: Page, finished: Finished, engine: FakeEngine) -> None:
    folder = finished(cookie=ADA)
    with held(folder):
        at = page("train", run=folder.id)
        at.text_input(key="control_steps").set_value("25").run()
        at.button(key="control_step").click().run()
    assert engine.sent[-1][1].steps == 25


def test_a_treatment_sends_what_was_changed_and_nothing_else(page: Page, finished: Finished, engine: FakeEngine) -> None:
    folder = finished(cookie=ADA)
    with held(folder):
        at = page("train", run=folder.id)
        at.toggle(key="control_treat").set_value(True).run()
        at.selectbox(key="control_setting").set_value("model.quantizer.commitment_weight").run()
        assert at.button(key="control_apply").disabled, "nothing was changed"
        at.text_input(key=f"control_{folder.id}_model.quantizer.commitment_weight_0.25").set_value("0,5").run()
        at.button(key="control_apply").click().run()
        at.selectbox(key="control_setting").set_value("model.quantizer.learning").run()
        at.segmented_control(key=f"control_{folder.id}_model.quantizer.learning_gradient").set_value("ema").run()
        at.button(key="control_apply").click().run()
    assert not at.exception
    sent = [dict(command.changes) for _, command in engine.sent]
    assert sent == [{"model.quantizer.commitment_weight": 0.5}, {"model.quantizer.learning": "ema"}]


def test_a_treatment_out_of_range_is_refused_where_it_was_typed(page: Page, finished: Finished, engine: FakeEngine) -> None:
    folder = finished(cookie=ADA)
    with held(folder):
        at = page("train", run=folder.id)
        at.toggle(key="control_treat").set_value(True).run()
        at.selectbox(key="control_setting").set_value("model.quantizer.ema_decay").run()
        at.text_input(key=f"control_{folder.id}_model.quantizer.ema_decay_0.99").set_value("1.5").run()
        assert at.button(key="control_apply").disabled
        assert "1.5 is too large. Type a number, 0 to below 1." in said(at)
    assert not engine.sent


def test_the_speed_limit_is_sent_at_once_and_follows_the_run(page: Page, finished: Finished, engine: FakeEngine) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        at = page("train", run=folder.id)
        at.select_slider(key=f"control_speed_{folder.id}_0").set_value(10.0).run()
        assert dict(engine.sent[-1][1].changes) == {"train.speed_limit": 10.0}
        config = folder.config().edited({"train.speed_limit": 10.0}).model_dump(mode="json")
        RunWriter(folder, lease).write(Event(100, "treated", "", 1, {"config": config, "changes": {"train.speed_limit": 10.0}}))
        at.run()
        assert at.select_slider(key=f"control_speed_{folder.id}_10").value == 10.0


@pytest.mark.parametrize(("kind", "shown"), [("stop", "Stopping"), ("pause", "Pausing"), ("revive", "Reviving")])
def test_what_was_sent_is_shown_until_it_is_answered(page: Page, finished: Finished, kind: Any, shown: str) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        at = page("train", run=folder.id, cookie=BOB)
        assert shown not in said(at)
        folder.send(Command(kind, author="a"))
        assert shown in said(at.run()), "every viewer sees it"
        RunWriter(folder, lease).write(Event(100, "treated", "It is done.", 1, {"command": kind, "changes": {}, "nickname": "Ada"}))
        assert shown not in said(at.run())


def test_an_acknowledgement_is_told_with_who_asked_and_leaves_a_mark(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        changes = {"model.quantizer.commitment_weight": 0.5}
        config = folder.config().edited(changes).model_dump(mode="json")
        answer = {"command": "treat", "changes": changes, "config": config, "nickname": "<b>Ada</b>"}
        RunWriter(folder, lease).write(Event(80, "treated", "", 1, answer))
        at = page("train", run=folder.id)
        at.toggle(key="control_treat").set_value(True).run()
        at.selectbox(key="control_setting").set_value("model.quantizer.commitment_weight").run()
    assert "Step 80: β = 0.5 (<b>Ada</b>)" in said(at)
    assert "From here the commitment term counts 0.5 times in the sum" in said(at)
    assert not any("<b>" in part.value for part in at.markdown), "typed text is drawn letter by letter"
    assert charts(at)["Loss curves"]["layout"]["annotations"][0]["text"] == "β = 0.5"
    assert at.text_input(key=f"control_{folder.id}_model.quantizer.commitment_weight_0.5").value == "0.5"


def test_a_term_that_leaves_the_sum_is_told_on_the_curve_and_in_a_sentence(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        changes = {"model.quantizer.learning": "ema"}
        config = folder.config().edited(changes).model_dump(mode="json")
        answer = {"command": "treat", "changes": changes, "config": config, "nickname": ""}
        RunWriter(folder, lease).write(Event(80, "treated", "", 1, answer))
        at = page("train", run=folder.id)
    assert charts(at)["Loss curves"]["layout"]["annotations"][0]["text"] == "EMA: codebook term not in sum"
    assert charts(at)["Codes used"]["layout"]["annotations"][0]["text"] == "learning = EMA", "elsewhere nothing left a sum"
    assert "From here the codebook term is no longer in the sum" in said(at)


def test_what_a_revival_has_done_is_told_in_figures_and_a_step_does_not_hide_it(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder, "paused") as lease:
        writer = RunWriter(folder, lease)
        last = shared_tail(folder).steps[-1]
        answer = {"command": "revive", "changes": {}, "nickname": ""}
        writer.write(Event(100, "treated", "Revived 3 dead codes onto encoder outputs.", 1, answer))
        writer.write(Event(100, "continued", "Running 1 step.", 2, {"command": "step"}))
        terms = dict(last.terms) | {"commitment": last.terms["commitment"] * 2}
        later = replace(last, step=101, terms=terms, z_norm=last.z_norm * 1.5, books=(replace(last.books[0], used_epoch=8, dead=0),))
        writer.write(later)
        writer.write(Event(101, "paused", "Paused at step 101."))
        shown = said(page("train", run=folder.id))
    assert "Paused at step 101. Step 100: Revived 3 dead codes onto encoder outputs. Codes used: 5, at step 101 8." in shown
    assert "The commitment term rose from" in shown and ", as the encoder outputs it measures became longer." in shown


def test_figures_that_stand_together_count_the_same_at_the_same_step(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        steps = shared_tail(folder).steps
        (book,) = steps[-1].books
        later = replace(steps[-1], step=103, books=(replace(book, used_epoch=8, dead=0, ema_alive=8),))
        RunWriter(folder, lease).write(later)
        at = page("train", run=folder.id)
    shown = figures(at)
    assert shown["Codes used"] == "8 of 8", "as of now, as the step beside it"
    assert (shown["Used"], shown["Dead"]) == ("5 of 8", "3 of 8") and "Alive by EMA" not in shown
    assert "In figures, step 100" in said(at) and "Use of each code, step 100" in said(at)


def test_a_run_that_failed_can_be_changed_and_tried_again(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished("Wild", cookie=ADA, **{"train.lr": 10.0})
    folder.set_status(state="failed", error="The loss is NaN at step 80. Lower the learning rate.")
    at = page("train", run=folder.id)
    at.button(key="start_change").click().run()
    assert not at.exception and "run_id" not in at.session_state
    assert at.text_input(key="start_form.train.lr").value == "10"
    assert "The run failed with 10. Try a tenth of it." in said(at)
    at.text_input(key="start_form.train.lr").set_value("0.001").run()
    assert "The run failed with" not in said(at)
    at.button(key="start_custom").click().run()
    newest = store.get(at.session_state["run_id"])
    assert newest.config() == folder.config().edited({"train.lr": 0.001}) and newest.about().name == "Wild, changed"


def test_a_finished_run_does_not_say_that_it_goes_on(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        writer = RunWriter(folder, lease)
        writer.write(Event(63, "continued", "Resumed at step 63.", 1, {"command": "resume"}))
        writer.write(Event(100, "finished", "Finished 100 steps.", 0))
    folder.set_status(state="finished")
    at = page("train", run=folder.id)
    assert not any("Resumed at step 63." in part.value for part in at.caption)


def test_a_refusal_is_told(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        RunWriter(folder, lease).write(Event(80, "refused", "K cannot change.", 1, {"nickname": ""}))
        assert "Step 80: refused: K cannot change." in said(page("train", run=folder.id))


@pytest.mark.parametrize("state", ["stopped", "interrupted", "failed"])
def test_a_run_that_ended_early_says_why_and_can_be_resumed(page: Page, finished: Finished, engine: FakeEngine, state: RunState) -> None:
    folder = finished(cookie=ADA)
    folder.set_status(state=state, message="Its process died at step 80.", error="The loss became NaN." if state == "failed" else "")
    at = page("train", run=folder.id)
    assert not at.exception
    assert (
        "The loss became NaN." if state == "failed" else "Its process died at step 80." if state == "interrupted" else "Stopped"
    ) in said(at)
    at.button(key="control_resume").click().run()
    assert [command.kind for _, command in engine.sent] == ["resume"]


def test_a_message_does_not_say_where_the_server_keeps_its_files(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished(cookie=ADA)
    folder.set_status(state="failed", error=f"{folder.path / 'codes.npz'} is damaged.")
    words = said(page("train", run=folder.id))
    assert f"…/{folder.id}/codes.npz is damaged" in words
    assert str(store.root) not in words


def test_a_run_whose_process_died_unseen_reads_interrupted(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with held(folder) as lease:
        dead = replace(lease.lease, pid=2**22 + 1, created=1.0, heartbeat=0.0)
    folder.set_status(state="running", lease=dead)
    at = page("train", run=folder.id)
    assert "Interrupted" in said(at)
    assert "control_resume" in buttons(at)


def test_a_click_that_fails_is_said_and_the_run_stays_on_the_screen(
    page: Page, finished: Finished, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(run_id: str, command: Command) -> None:
        raise EngineError("The engine is gone.")

    monkeypatch.setattr(engine, "send", refuse)
    folder = finished(cookie=ADA)
    with held(folder):
        at = page("train", run=folder.id)
        at.button(key="control_pause").click().run()
        assert not at.exception
        assert "The engine is gone." in said(at)
        assert "Loss curves" in charts(at)


def test_someone_elses_run_is_watched_only(page: Page, finished: Finished) -> None:
    folder = finished("Theirs", cookie=ADA, nickname="Ada *L*")
    with held(folder):
        at = page("train", run=folder.id, cookie=BOB)
    assert buttons(at) == {"start_another"}
    assert "You are watching: Ada *L* started this run" in said(at)
    assert "Loss curves" in charts(at)


def test_a_run_that_is_deleted_while_open_is_said(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished(cookie=ADA)
    at = page("train", run=folder.id)
    store.delete(folder.id)
    at.run()
    assert not at.exception
    assert folder.id in at.warning[0].value.replace("\\", "")
    assert "start_digits" in buttons(at), "and others can be started"


def test_torn_lines_and_damaged_pictures_cost_only_themselves(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    with (folder.path / "metrics.jsonl").open("a") as file:
        file.write('{"type": "step", "st')
    (folder.path / "gallery" / "100.npz").write_bytes(b"torn")
    (folder.path / "snapshots" / "100.npz").write_bytes(b"torn")
    at = page("train", run=folder.id)
    assert not at.exception and not at.error
    assert figures(at)["Error"] == "0.250"
    assert any("reconstructions at step 50" in part.proto.body for part in at.get("html"))


def test_another_run_can_be_started_while_one_is_open(page: Page, finished: Finished) -> None:
    at = page("train", run=finished(cookie=ADA).id)
    at.button(key="start_another").click().run()
    assert "start_digits" in buttons(at)
    assert "run_id" not in at.session_state
