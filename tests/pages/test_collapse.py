"""The Collapse screen: taking a patient, guessing, reading the diagnosis, treating it, and every state that a pair can be in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pages.ui import session
from vqcore.clinic.causes import CAUSES
from vqcore.clinic.treatments import TREATMENTS
from vqcore.config.run import RunConfig
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB, FakeEngine
from .pairs import CAUSE, STEPS, D, K, MakePair, Page, charts, components, fill, keys, maker, records, said


@pytest.fixture
def pair(store: RunStore) -> MakePair:
    return maker(store)


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
    at.text_input(key="collapse_seed").set_value("7").run()
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
    assert left_map["group"] == right_map["group"] != "" and not left_map["shareView"], "the codes of one would be a dot beside the other's"
    next(toggle for toggle in at.toggle if str(toggle.key).startswith("collapse_axes_")).set_value(True).run()
    left_map, right_map = components(at, "vq_codemap")
    assert left_map["shareView"] and right_map["shareView"]
    assert left_map["scene"]["steps"] == right_map["scene"]["steps"] == list(range(0, STEPS + 1, 50))
    assert not left_map["scene"]["marks"] and right_map["scene"]["marks"][0]["step"] == 100
    used = charts(at)["Codes used, 2 runs"]
    assert [trace["name"] for trace in used["data"]] == ["Untreated", "Treated"]
    assert [trace["y"][-1] for trace in used["data"]] == [2, K]
    assert [note["text"] for note in used["layout"]["annotations"]] == ["revive"]
    assert f"**Untreated** 2 of {K} · error 0.500" in said(at)
    assert f"**Treated** {K} of {K} · error 0.062" in said(at)
    assert "In good health" in said(at)
    assert f"Untreated: 2 of {K} codes used, error 0.500 at step 300." in said(at)
    assert f"Treated (revive at step 100): {K} of {K} codes used, error 0.062 at step 300." in said(at)


@pytest.mark.parametrize("side", [0, 1])
def test_either_run_of_a_pair_opens_both(page: Page, pair: MakePair, side: int) -> None:
    at = page("collapse", run=pair()[side].id)
    assert len(components(at, "vq_codemap")) == 2
    assert list(charts(at)["Codes used, 2 runs"]["data"][0]["y"])[-1] == 2, "the untreated one stays on the left"


def test_the_encoder_s_walk_is_drawn_and_told_and_where_it_was_not_kept_that_is_said(page: Page, pair: MakePair) -> None:
    folders = pair()
    at = page("collapse", run=folders[1].id)
    assert not at.exception
    assert "in 50 steps the encoder walked **4 times** the distance to its nearest codes, 80 % of it in one common direction" in said(at)
    assert [trace["y"][-1] for trace in charts(at)["The encoder's walk, 2 runs"]["data"]] == [6, 0.25] * 2 + [80, 80]
    for folder in folders:
        kept = [line for line in (folder.path / "metrics.jsonl").read_text().splitlines() if '"walk"' not in line]
        (folder.path / "metrics.jsonl").write_text("\n".join(kept) + "\n")
    at.run()
    assert not at.exception and not at.error
    assert "Not recorded when this was trained" in said(at) and "The encoder's walk, 2 runs" not in charts(at)


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


def test_what_is_shown_without_a_run_stays_when_a_patient_is_taken_so_that_back_returns_to_it(
    page: Page, store: RunStore, pair: MakePair, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    pair(cookie="", cause="high_lr")
    store.root.rename(tmp_path / "demo")
    monkeypatch.setattr(session, "DEMO", tmp_path / "demo")
    session._stores.clear()
    at = page("collapse")
    _, taken = pair(cookie=ADA)
    at.run()
    at.selectbox(key="frame_run").set_value(taken.id).run()
    assert CAUSES[CAUSE].patient in said(at) and "an example" not in said(at)
    at.selectbox(key="frame_run").set_value("").run()
    assert not at.exception and "run_id" not in at.session_state
    assert CAUSES["high_lr"].patient in said(at) and "an example" in said(at)
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
    at.text_input(key="collapse_seed").set_value("3").run()
    at.button(key=f"collapse_take_{CAUSE}").click().run()
    assert {run.name for run in store.list()} == {f"{CAUSES[CAUSE].patient}, seed 3: {side}" for side in ("left", "right")}
