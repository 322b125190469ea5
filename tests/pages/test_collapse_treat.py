"""The Collapse screen: treating a pair, controlling it, and every state that it can be in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pages.ui import live, session
from pages.ui.collapse.case import config_at
from vqcore.clinic.treatments import TREATMENTS
from vqcore.control import Command
from vqcore.errors import EngineError
from vqcore.records import Event
from vqcore.runs.status import RunState
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB, FakeEngine
from .pairs import CAUSE, MakePair, Page, components, held, keys, maker, said


@pytest.fixture
def pair(store: RunStore) -> MakePair:
    return maker(store)


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


def test_a_treatment_that_waits_for_its_answer_says_so_and_is_not_given_again(page: Page, pair: MakePair, engine: FakeEngine) -> None:
    folders = pair(state="running", upto=100, treated=0)
    with held(folders, "paused", "paused"):
        for command in TREATMENTS["lr"].commands(folders[1].effective_config()):
            folders[1].send(command)
        at = page("collapse", run=folders[1].id)
        choice = next(pills for pills in at.pills if str(pills.key).startswith("collapse_treatment_"))
        choice.set_value("lr").run()
        assert at.button(key="collapse_apply").disabled and "Sent. It is done before the next step." in said(at)
        choice.set_value("kmeans").run()
        assert not at.button(key="collapse_apply").disabled and "Sent." not in said(at)


def test_what_was_done_after_the_last_snapshot_is_not_diagnosed_before_the_next(page: Page, pair: MakePair) -> None:
    folders = pair(state="running", upto=100, treated=100, cause="high_lr")
    with held(folders, "paused", "paused"):
        at = page("collapse", run=folders[1].id)
        assert not at.exception and not at.error
        assert "What it did shows at the next snapshot, at step 150. Press **Resume**." in said(at)
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
    assert said(at).count(f"Untreated and Treated: {word}") == 1, "what both say is said once"
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
