"""The Collapse screen: taking a patient, guessing, reading the diagnosis, treating it, and every state that a pair can be in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import live, session
from pages.ui.collapse.case import config_at
from vqcore.clinic.causes import CAUSES
from vqcore.clinic.treatments import TREATMENTS
from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation, Event, Snapshot, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.status import RunState
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter

from .conftest import ADA, BOB, FakeEngine

Page = Callable[..., AppTest]
Pair = tuple[RunFolder, RunFolder]
MakePair = Callable[..., Pair]
CAUSE = "far_init"
STEPS = 300
K, D, V = 16, 4, 40


def said(at: AppTest) -> str:
    """Everything that the page says, as it is read."""
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.success, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def components(at: AppTest, name: str) -> list[dict[str, Any]]:
    return [json.loads(node.proto.json) for node in at.get("bidi_component") if node.proto.component_name == name]


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    drawn = [json.loads(data["figure"]) for data in components(at, "vq_chart")]
    return {figure["layout"]["meta"]["name"]: figure for figure in drawn}


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button if str(button.key).startswith("collapse_")}


def records(folder: RunFolder, used: int, upto: int, treated: int = 0) -> Iterator[Any]:
    """What a trainer would have written: `used` of K codes in use until it was treated, all of them from then on."""
    random = np.random.default_rng(0)
    for step in range(0, upto + 1, 50):
        alive = K if treated and step >= treated else used
        book = BookStep("codes", float(alive), alive, alive, K - alive, alive, 2.0)
        if treated and step == treated:
            config = folder.config().model_dump(mode="json")
            yield Event(step, "treated", "Revived 14 dead codes.", 1, {"command": "revive", "changes": {}, "config": config})
        yield Step(step, step / 25, step * 64, step / 100, 6400.0, 1e-3, 0.5, {"reconstruction": 0.5, "commitment": 0.1}, 1.5, (book,))
        judged = BookEvaluation("codes", K, alive, float(alive), np.log2(alive), 640, 4, 16.0)
        yield Evaluation(step, 40, True, 0.3, {"reconstruction": 0.3}, 0.01, 1 / alive, 0.52, 20.0, (judged,))
        codes = random.normal(size=(K, D)).astype(np.float16)
        codes[alive:] += 30
        hits = np.where(np.arange(K) < alive, 40, 0)
        z = random.normal(size=(V, D)).astype(np.float16)
        age = np.where(np.arange(K) < alive, 0, -1)
        chosen = (np.arange(V) % alive).astype(np.int32)
        yield Snapshot(step, (BookSnapshot("codes", codes, hits, hits, age, np.ones(K, dtype=np.float32), z, chosen),))


@pytest.fixture
def pair(store: RunStore) -> MakePair:
    """Two runs of one patient, as far as `upto`; treated at step `treated` on the right, and left in that `state`."""

    def make(
        *, cookie: str = ADA, nickname: str = "", state: RunState = "finished", upto: int = STEPS, treated: int = 100, cause: str = CAUSE
    ) -> Pair:
        config = CAUSES[cause].config.edited({"model.quantizer.K": K, "train.steps": STEPS, "train.evaluate_every": 50})
        names = tuple(f"{CAUSES[cause].patient}: {side}" for side in ("left", "right"))
        owner = session.owner_hash(cookie) if cookie else ""
        folders = store.create_pair(config, config, names=(names[0], names[1]), owner=owner, nickname=nickname, preset=f"collapse:{cause}")
        for folder, at in zip(folders, (0, treated), strict=True):
            if state != "queued":
                fill(folder, records(folder, 2, upto, at), state)
        return folders

    return make


def fill(folder: RunFolder, found: Iterator[Any], state: RunState) -> None:
    lease = acquire(folder, "cli")
    writer = RunWriter(folder, lease)
    writer.write(Event(0, "started", "On the processor."))
    for record in found:
        writer.write(record)
    if state == "finished":
        writer.write(Event(STEPS, "finished", "Finished 300 steps."))
    lease.release(state if state in ("finished", "stopped", "interrupted", "failed") else "stopped")


@contextmanager
def held(folders: Pair, *states: RunState) -> Iterator[None]:
    """Both runs as a living process has them."""
    with ExitStack() as stack:
        for folder, state in zip(folders, states or ("running", "running"), strict=True):
            lease = acquire(folder, "engine")
            stack.callback(lease.release, "stopped")
            lease.set_status(state=state)
        yield


# ---- nothing there


def test_without_any_run_the_patients_are_there_by_what_one_sees(page: Page) -> None:
    at = page("collapse")
    assert not at.exception and not at.error
    assert {f"collapse_take_{key}" for key in CAUSES} <= keys(at)
    for cause in CAUSES.values():
        assert cause.symptom in said(at)
        assert cause.title not in said(at), "that would be telling"
    assert "Try this" in said(at)


@pytest.mark.parametrize("key", CAUSES)
def test_one_click_starts_both_runs_and_opens_the_one_to_treat(page: Page, store: RunStore, engine: FakeEngine, key: str) -> None:
    at = page("collapse")
    at.button(key=f"collapse_take_{key}").click().run()
    assert not at.exception and not at.error
    runs = {run.id: run for run in store.list()}
    right = runs[at.session_state["run_id"]]
    left = runs[right.leader]
    assert engine.submitted == [left.id] and left.follower == right.id
    assert store.get(left.id).config() == store.get(right.id).config() == CAUSES[key].config
    assert left.owner == right.owner == session.owner_hash(ADA) and left.preset == f"collapse:{key}"
    for run in (left, right):
        assert [(sent.kind, sent.steps) for sent in store.get(run.id).commands()] == [("step", CAUSES[key].treat_at)]
    assert CAUSES[key].title not in right.name
    assert "Waiting" in "".join(str(part.value) for part in at.markdown)


def test_the_pause_can_be_left_out_and_the_seed_chosen(page: Page, store: RunStore, engine: FakeEngine) -> None:
    at = page("collapse")
    at.toggle(key="collapse_pause").set_value(False).run()
    at.number_input(key="collapse_seed").set_value(7).run()
    at.button(key="collapse_take_high_lr").click().run()
    assert [store.get(run.id).config().train.seed for run in store.list()] == [7, 7]
    assert not any(store.get(run.id).commands() for run in store.list())


def test_what_cannot_be_started_is_said(page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run_id: str) -> None:
        raise EngineError("No slot, and none to come.")

    monkeypatch.setattr(engine, "submit", refuse)
    at = page("collapse")
    at.button(key=f"collapse_take_{CAUSE}").click().run()
    assert not at.exception
    assert "No slot, and none to come." in said(at)


def test_an_engine_that_warms_up_or_failed_says_so(page: Page, engine: FakeEngine) -> None:
    engine.state = Health("starting", "Loading.", 0, 0, 0, 1.0)
    assert "warming up" in said(page("collapse"))
    engine.state = Health("failed", "The port is taken.", 0, 0, 0, 1.0)
    assert "The port is taken." in said(page("collapse"))


# ---- a pair


def test_two_films_two_curves_and_what_was_done(page: Page, pair: MakePair) -> None:
    _, right = pair()
    at = page("collapse", run=right.id)
    assert not at.exception and not at.error
    left_map, right_map = components(at, "vq_codemap")
    assert left_map["group"] == right_map["group"] != "" and left_map["shareView"]
    assert left_map["scene"]["steps"] == right_map["scene"]["steps"] == list(range(0, STEPS + 1, 50))
    assert not left_map["scene"]["marks"] and right_map["scene"]["marks"][0]["step"] == 100
    used = charts(at)["Codes used, 2 runs"]
    assert [trace["name"] for trace in used["data"]] == ["Untreated", "Treated"]
    assert [trace["y"][-1] for trace in used["data"]] == [2, K]
    assert [note["text"] for note in used["layout"]["annotations"]] == ["revive"]
    assert {metric.label: metric.value for metric in at.metric}.items() >= {
        ("Untreated: codes used", f"2 of {K}"),
        ("Treated: codes used", f"{K} of {K}"),
    }
    assert "In good health" in said(at)
    assert f"Untreated: 2 of {K} codes used, error 0.500 at step 300." in said(at)
    assert f"Treated (revive at step 100): {K} of {K} codes used, error 0.062 at step 300." in said(at)


@pytest.mark.parametrize("side", [0, 1])
def test_either_run_of_a_pair_opens_both(page: Page, pair: MakePair, side: int) -> None:
    at = page("collapse", run=pair()[side].id)
    assert len(components(at, "vq_codemap")) == 2
    assert list(charts(at)["Codes used, 2 runs"]["data"][0]["y"])[-1] == 2, "the untreated one stays on the left"


def test_other_curves_can_be_asked_for(page: Page, pair: MakePair) -> None:
    at = page("collapse", run=pair()[1].id)
    for measure, name in (("norms", "Lengths, 2 runs"), ("terms", "Loss terms, 2 runs"), ("perplexity", "Perplexity, 2 runs")):
        next(control for control in at.segmented_control if control.key == "collapse_measure").set_value(measure).run()
        assert not at.exception and name in charts(at)


def test_a_code_chosen_on_one_side_is_chosen_on_the_other(page: Page, pair: MakePair) -> None:
    _, right = pair()
    at = page("collapse", run=right.id)
    assert [data["selected"] for data in components(at, "vq_codemap")] == [None, None]
    at.session_state["collapse_code"] = {right.id: 5}
    at.run()
    assert [data["selected"] for data in components(at, "vq_codemap")] == [5, 5]


# ---- guess, then see


def test_the_cause_is_shown_after_a_guess_and_not_before(page: Page, pair: MakePair) -> None:
    at = page("collapse", run=pair(treated=0)[1].id)
    cause = CAUSES[CAUSE]
    assert cause.symptom in said(at) and cause.reveal not in said(at)
    assert "try" not in said(at).lower().split("**2.")[-1].split("**3.")[0] or "First:" not in said(at)
    assert at.button(key="collapse_reveal").disabled
    guess = next(pills for pills in at.pills if str(pills.key).startswith("collapse_guess_"))
    assert guess.options == [other.title for other in CAUSES.values()]
    guess.set_value("high_lr").run()
    at.button(key="collapse_reveal").click().run()
    assert cause.reveal in said(at) and cause.title in said(at)
    assert "You guessed: the learning rate is too high." in said(at)
    assert "First:" in said(at), "now the diagnosis is said whole"
    assert "10 (healthy: 1)" in said(at), "and what differs from the healthy setting"


def test_a_right_guess_is_said_to_be_right(page: Page, pair: MakePair) -> None:
    at = page("collapse", run=pair()[1].id)
    next(pills for pills in at.pills if str(pills.key).startswith("collapse_guess_")).set_value(CAUSE).run()
    at.button(key="collapse_reveal").click().run()
    assert "You guessed it." in said(at)


def test_the_advice_is_hidden_before_the_guess_and_marked_after_it(page: Page, pair: MakePair) -> None:
    at = page("collapse", run=pair(treated=0)[1].id)

    def advised() -> list[str]:
        shown = next(pills for pills in at.pills if str(pills.key).startswith("collapse_treatment_"))
        assert [option.content for option in shown.proto.options] == [treatment.title for treatment in TREATMENTS.values()]
        return [option.content for option in shown.proto.options if "stethoscope" in option.content_icon]

    assert not advised()
    next(pills for pills in at.pills if str(pills.key).startswith("collapse_guess_")).set_value(CAUSE).run()
    at.button(key="collapse_reveal").click().run()
    assert len(advised()) == 1 and f"First: {advised()[0]}." in said(at)


# ---- treat


@pytest.mark.parametrize("key", TREATMENTS)
def test_a_treatment_goes_to_the_run_on_the_right_alone_and_is_signed(page: Page, pair: MakePair, engine: FakeEngine, key: str) -> None:
    folders = pair(state="running", upto=100, treated=0)
    with held(folders):
        at = page("collapse", run=folders[1].id)
        next(pills for pills in at.pills if str(pills.key).startswith("collapse_treatment_")).set_value(key).run()
        assert TREATMENTS[key].what in said(at) and TREATMENTS[key].source in said(at)
        config = folders[1].effective_config()
        wanted = TREATMENTS[key].commands(config)
        apply = at.button(key="collapse_apply")
        assert apply.disabled == (not wanted), "what would change nothing cannot be given"
        if wanted:
            apply.click().run()
    assert not at.exception and not at.error
    assert [(run, sent.kind, dict(sent.changes)) for run, sent in engine.sent] == [
        (folders[1].id, command.kind, dict(command.changes)) for command in wanted
    ]
    assert all(sent.author == session.owner_hash(ADA) for _, sent in engine.sent)


def test_one_click_that_arrives_as_two_treats_once(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100, treated=0)
    with held(folders):
        at = page("collapse", run=folders[1].id)
        at.button(key="collapse_apply").click().run()
        at.button(key="collapse_apply").click().run()
    assert len(engine.sent) == 1


def test_what_was_done_after_the_last_snapshot_is_not_diagnosed_before_the_next(page: Page, pair: MakePair) -> None:
    folders = pair(state="running", upto=100, treated=100, cause="high_lr")
    with held(folders, "paused", "paused"):
        at = page("collapse", run=folders[1].id)
        assert not at.exception and not at.error
        assert "What it did shows at the next snapshot, at step 150. Press **Go on**." in said(at)
        assert "What it did.**" not in said(at)


def test_a_diagnosis_reads_the_settings_that_its_snapshot_was_trained_with(pair: MakePair) -> None:
    _, right = pair(treated=100)
    view = live.watch(right).look()
    treated = view.config.edited({"train.lr": 0.5})
    done = Event(100, "treated", "lr", 2, {"command": "treat", "changes": {"train.lr": 0.5}, "config": treated.model_dump(mode="json")})
    view = replace(view, events=(*view.events, done), config=treated)
    assert config_at(view, 100) == right.config(), "a treatment at the snapshot's step came after it"
    assert config_at(view, 150) == treated
    undone = replace(view, events=(*view.events, Event(50, "resumed", "")))
    assert config_at(undone, 150) == right.config(), "the run went back behind it"


def test_a_refused_treatment_says_why(page: Page, pair: MakePair, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(run_id: str, command: Command) -> None:
        raise EngineError("The disk is full.")

    monkeypatch.setattr(engine, "send", refuse)
    folders = pair(state="running", upto=100, treated=0)
    with held(folders):
        at = page("collapse", run=folders[1].id)
        at.button(key="collapse_apply").click().run()
    assert not at.exception
    assert "The disk is full." in said(at)


def test_a_run_that_has_ended_cannot_be_treated_and_says_so(page: Page, pair: MakePair) -> None:
    at = page("collapse", run=pair()[1].id)
    assert at.button(key="collapse_apply").disabled
    assert "It has ended. Take a new patient." in said(at)


# ---- controls and states


def test_the_controls_reach_both(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100)
    with held(folders):
        at = page("collapse", run=folders[1].id)
        for key in ("pause", "step", "stop"):
            at.button(key=f"collapse_{key}").click().run()
    assert [(sent.kind, sent.steps) for _, sent in engine.both] == [("pause", 1), ("step", 50), ("stop", 1)]
    assert {run for run, _ in engine.both} == {folders[1].id}
    assert all(sent.author == session.owner_hash(ADA) for _, sent in engine.both)


def test_the_speed_is_that_of_both(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100)
    with held(folders):
        at = page("collapse", run=folders[1].id)
        next(slider for slider in at.select_slider if "speed" in str(slider.key)).set_value(10.0).run()
    assert [dict(sent.changes) for _, sent in engine.both] == [{"train.speed_limit": 10.0}]


def test_a_paused_pair_goes_on_together_and_can_be_treated_meanwhile(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100, treated=0)
    with held(folders, "paused", "paused"):
        at = page("collapse", run=folders[1].id)
        assert not at.button(key="collapse_apply").disabled
        at.button(key="collapse_resume").click().run()
    assert [sent.kind for _, sent in engine.both] == ["resume"]
    assert not engine.sent


def test_the_patient_held_by_its_paused_partner_is_paused_too(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100, treated=0)
    with held(folders, "paused", "running"):
        at = page("collapse", run=folders[1].id)
        assert "Paused" in said(at) and "Training" not in said(at)
    assert [(run, sent.kind) for run, sent in engine.sent] == [(folders[1].id, "pause")]


def test_others_see_everything_and_control_nothing(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100, nickname="Ada <b>")
    with held(folders, "paused", "running"):
        at = page("collapse", run=folders[1].id, cookie=BOB)
        assert not at.exception and len(components(at, "vq_codemap")) == 2
        assert "You are watching: Ada <b> started this" in said(at)
        assert not {"collapse_pause", "collapse_stop", "collapse_resume", "collapse_step"} & keys(at)
        assert at.button(key="collapse_apply").disabled
        next(pills for pills in at.pills if str(pills.key).startswith("collapse_guess_")).set_value(CAUSE).run()
        assert not at.button(key="collapse_reveal").disabled, "anyone may guess"
    assert not engine.sent and not engine.both


def test_a_queued_pair_says_what_it_waits_for_in_the_place_of_its_films(page: Page, pair: MakePair) -> None:
    folders = pair(state="queued")
    for folder in folders:
        folder.set_status(message="Waiting: 2 runs are before this one.")
    at = page("collapse", run=folders[1].id)
    assert not at.exception and not at.error
    assert said(at).count("Waiting: 2 runs are before this one.") >= 2
    assert at.button(key="collapse_pause").disabled and not at.button(key="collapse_stop").disabled
    assert at.button(key="collapse_apply").disabled
    assert "It comes with the first snapshot" in said(at)


@pytest.mark.parametrize(("state", "word"), [("interrupted", "power cut"), ("failed", "NaN at step 40")])
def test_a_pair_that_broke_off_says_why_and_can_be_resumed(
    page: Page, pair: MakePair, engine: FakeEngine, state: RunState, word: str
) -> None:
    folders = pair(state=state, upto=100)
    for folder in folders:
        folder.set_status(error=word)
    at = page("collapse", run=folders[1].id)
    assert not at.exception
    assert f"Untreated: {word}" in said(at) and f"Treated: {word}" in said(at)
    at.button(key="collapse_resume").click().run()
    assert [sent.kind for _, sent in engine.both] == ["resume"]


def test_sides_in_different_states_are_told_apart(page: Page, pair: MakePair) -> None:
    folders = pair(state="stopped", upto=100)
    folders[0].set_status(state="finished")
    at = page("collapse", run=folders[1].id)
    badges = said(at)
    assert "Untreated: Finished" in badges and "Treated: Stopped" in badges


def test_where_the_partner_is_gone_the_other_is_shown_alone(page: Page, pair: MakePair, store: RunStore) -> None:
    left, right = pair()
    store.delete(left.id)
    at = page("collapse", run=right.id)
    assert not at.exception and len(components(at, "vq_codemap")) == 1


# ---- a run of one's own


def test_the_open_run_is_diagnosed_by_itself(page: Page, store: RunStore) -> None:
    config = RunConfig().edited({"model.quantizer.K": K, "model.quantizer.D": D, "train.steps": STEPS})
    folder = store.create(config, name="Mine <i>", owner=session.owner_hash(ADA))
    fill(folder, records(folder, 2, STEPS), "finished")
    at = page("collapse", run=folder.id)
    assert not at.exception and not at.error
    assert len(components(at, "vq_codemap")) == 1
    assert "First:" in said(at), "nothing is to be guessed"
    assert not any(str(pills.key).startswith("collapse_guess_") for pills in at.pills)
    assert [trace["name"] for trace in charts(at)["Codes used"]["data"]] == ["This run"]


def test_from_the_open_run_one_tap_leads_to_the_clinic(page: Page, finished: Callable[..., RunFolder], pair: MakePair) -> None:
    pair()
    at = page("collapse", run=finished("Mine", cookie=ADA).id)
    assert len(components(at, "vq_codemap")) == 1
    next(control for control in at.segmented_control if control.key == "collapse_view").set_value("pair").run()
    assert len(components(at, "vq_codemap")) == 2


def test_a_snapshot_without_a_sample_and_a_run_without_codes_fail_nothing(page: Page, finished: Callable[..., RunFolder]) -> None:
    at = page("collapse", run=finished("Older", cookie=ADA).id)
    assert not at.exception and not at.error
    assert "What was measured" in said(at)


# ---- what is offered unasked


def test_the_bundled_pair_opens_at_once(
    page: Page, store: RunStore, pair: MakePair, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    pair(cookie="")
    store.root.rename(tmp_path / "demo")
    monkeypatch.setattr(session, "DEMO", tmp_path / "demo")
    session._stores.clear()
    at = page("collapse")
    assert not at.exception and not at.error
    assert len(components(at, "vq_codemap")) == 2
    assert "an example" in said(at) and "New patient" in said(at)
    assert "run_id" not in at.session_state, "it is shown, not opened"
    session._stores.clear()


def test_ones_own_newest_pair_goes_before_the_example_and_other_peoples_are_never_shown_unasked(page: Page, pair: MakePair) -> None:
    pair(cookie=BOB)
    at = page("collapse")
    assert not components(at, "vq_codemap")
    pair(cookie=ADA, cause="high_lr")
    at = page("collapse")
    assert CAUSES["high_lr"].patient in said(at)


def test_open_patient_names_the_seed_only_where_it_is_not_the_usual_one(page: Page, store: RunStore) -> None:
    at = page("collapse")
    at.number_input(key="collapse_seed").set_value(3).run()
    at.button(key=f"collapse_take_{CAUSE}").click().run()
    assert {run.name for run in store.list()} == {f"{CAUSES[CAUSE].patient}, seed 3: {side}" for side in ("left", "right")}
