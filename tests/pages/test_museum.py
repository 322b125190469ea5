"""The bug museum: opened, guessed, told, and trained anew with another seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.museum import words
from pages.ui.museum.pairs import SEEDS, TARGET
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.museum import trial
from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.figures import TITLES
from vqcore.museum.trial import BUNDLED, Pair, museum_of, read, write
from vqcore.runs.store import runs_folder

from .conftest import BOB, FakeEngine

Page = Callable[..., AppTest]
FIRST = next(iter(EXHIBITS))


def said(at: AppTest) -> str:
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.success, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    drawn = [json.loads(node.proto.json) for node in at.get("bidi_component") if node.proto.component_name == "vq_chart"]
    figures = [json.loads(data["figure"]) for data in drawn]
    return {figure["layout"]["meta"]["name"].partition(",")[0]: figure for figure in figures}


def patient(at: AppTest, key: str) -> AppTest:
    return next(pills for pills in at.pills if pills.key == "museum_patient").set_value(key).run()


def named(at: AppTest, key: str, bug: str) -> AppTest:
    """The visitor says so."""
    next(pills for pills in at.pills if pills.key == f"museum_guess_{key}").set_value(bug).run()
    return at.button(key="museum_check").click().run()


def buttons(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button if str(button.key).startswith("museum_")}


def bundled(key: str, seed: int = 0) -> Pair:
    found = read([BUNDLED], key, 0, EXHIBITS[key].run(0).identity)
    assert found is not None
    return found if seed == 0 else replace(found, seed=seed, identity=EXHIBITS[key].run(seed).identity)


def ask(at: AppTest, seed: int) -> AppTest:
    at.text_input(key=f"museum_seed_{FIRST}").set_value(str(seed)).run()
    return at.button(key="museum_train").click().run()


# ---- seen


@pytest.mark.parametrize("key", EXHIBITS)
def test_each_patient_opens_on_its_plots_and_does_not_name_its_bug(page: Page, engine: FakeEngine, key: str) -> None:
    engine.state = Health("starting", "Loading.", 0, 0, 0, 1.0)
    at = patient(page("museum"), key)
    exhibit = EXHIBITS[key]
    assert not at.exception and not at.error
    assert exhibit.symptom in said(at) and "Try this" in said(at)
    assert {TITLES[name] for name in exhibit.plots} == set(charts(at))
    for hidden in (exhibit.gives_away, exhibit.lesson, *exhibit.hints, exhibit.sources[0].name):
        assert hidden not in said(at), "that would be telling"
    assert not engine.lights, "what comes with the program needs no engine"


def test_both_runs_share_each_chart_and_keep_their_colours(page: Page) -> None:
    drawn = charts(page("museum"))
    found = bundled(FIRST)
    lengths = {trace["name"]: trace for trace in drawn["|e_k|"]["data"]}
    assert list(lengths["With the bug"]["y"]) == pytest.approx(list(found.buggy.series["e_norm"]), rel=1e-4)
    assert list(lengths["Without the bug"]["y"]) == pytest.approx(list(found.healthy.series["e_norm"]), rel=1e-4)
    for figure in drawn.values():
        colours = {trace["name"].partition(":")[0]: trace["line"]["color"] for trace in figure["data"]}
        assert colours["With the bug"] == lengths["With the bug"]["line"]["color"] != colours["Without the bug"]


def test_any_other_curve_can_be_ordered(page: Page) -> None:
    at = page("museum")
    more = next(box for box in at.selectbox if box.key == f"museum_more_{FIRST}")
    for name in ("book_at_z", "moved", "loss"):
        more.set_value(name).run()
        assert not at.exception and TITLES[name] in charts(at)


# ---- guessed


@pytest.mark.parametrize("key", EXHIBITS)
def test_the_right_bug_is_shown_with_code_figures_and_source(page: Page, key: str) -> None:
    at = named(patient(page("museum"), key), key, key)
    exhibit = EXHIBITS[key]
    assert not at.exception and not at.error
    text = said(at)
    assert "You found it at the first guess." in text and "1 of 5 bugs found, 1 at the first guess." in text
    assert exhibit.gives_away in text and exhibit.lesson in text
    for source in exhibit.sources:
        assert f"[{source.name}]({source.url})" in text and source.says in text
    assert {block.value for block in at.code} == {exhibit.wrong.replace("; ", "\n"), exhibit.right.replace("; ", "\n")}
    for sign in exhibit.signs(bundled(key)):
        assert f"{sign.name} | {words.figure(sign.buggy)} | {words.figure(sign.healthy)}" in text
    assert "not on this seed" not in text


@pytest.mark.parametrize("key", EXHIBITS)
@pytest.mark.parametrize("bug", EXHIBITS)
def test_a_wrong_guess_is_answered_with_what_speaks_against_it(page: Page, key: str, bug: str) -> None:
    if bug == key:
        return
    at = named(patient(page("museum"), key), key, bug)
    assert not at.exception
    text = said(at)
    assert f"Not “{EXHIBITS[bug].title}”" in text and "it would show" in text
    missing = [sign for sign in EXHIBITS[bug].signs(bundled(key)) if not sign.speaks]
    assert missing and all(f"{sign.name}: it would show {sign.expected}." in text for sign in missing)
    assert EXHIBITS[key].gives_away not in text and at.button(key="museum_check").disabled
    named(at, key, key)
    assert "You found it at guess 2." in said(at) and "1 of 5 bugs found, 0 at the first guess." in said(at)


def test_hints_come_one_by_one_and_nothing_is_told_before_a_guess(page: Page) -> None:
    at = page("museum")
    assert at.button(key="museum_check").disabled and "museum_show" not in buttons(at)
    first, second = EXHIBITS[FIRST].hints
    at.button(key="museum_hint").click().run()
    assert first in said(at) and second not in said(at)
    at.button(key="museum_hint").click().run()
    assert second in said(at) and "museum_hint" not in buttons(at)
    named(at, FIRST, "stale_average")
    at.button(key="museum_show").click().run()
    assert EXHIBITS[FIRST].gives_away in said(at) and "You found it" not in said(at)
    assert "No bug found yet." in said(at), "what is shown counts for nothing"


def test_the_next_patient_is_one_whose_bug_is_not_known_yet(page: Page) -> None:
    at = page("museum")
    names = list(EXHIBITS)
    named(patient(at, names[1]), names[1], names[1])
    named(patient(at, names[0]), names[0], names[0])
    at.button(key="museum_next").click().run()
    assert at.session_state["museum_patient"] == names[2]
    assert EXHIBITS[names[2]].symptom in said(at)


def test_what_was_guessed_stays_when_another_screen_was_looked_at_and_is_not_another_visitors(page: Page) -> None:
    at = named(page("museum"), FIRST, FIRST)
    at.switch_page("runs.py").run()
    at.switch_page("museum.py").run()
    patient(at, FIRST)
    assert "You found it at the first guess." in said(at)
    assert "No bug found yet." in said(page("museum", cookie=BOB))


# ---- trained anew


def test_another_seed_is_asked_for_waited_for_and_shown(page: Page, engine: FakeEngine) -> None:
    at = page("museum")
    assert not at.button(key="museum_train").disabled
    at.text_input(key=f"museum_seed_{FIRST}").set_value("0").run()
    assert at.button(key="museum_train").disabled, "that seed is on the screen"
    ask(at, 7)
    (target, args, future), *others = engine.lights
    folder = museum_of(runs_folder()).absolute()
    assert (target, args, others) == (TARGET, (str(folder), FIRST, 7), [])
    assert "Training both with seed 7" in said(at) and charts(at), "the curves that are there stay"
    write(folder, changed(bundled(FIRST, 7)))
    future.set_result(FIRST)
    at.run()
    assert not at.exception and "Training both" not in said(at)
    assert max(charts(at)["Codes used"]["data"][1]["y"]) == 3
    named(at, FIRST, FIRST)
    assert "seed 7" in said(at)
    ask(at, 0)
    assert len(engine.lights) == 1 and "seed 0" in said(at), "nothing is trained twice"


def changed(pair: Pair) -> Pair:
    few = tuple(3.0 for _ in pair.buggy.steps)
    return replace(pair, buggy=replace(pair.buggy, series={**pair.buggy.series, "used": few}))


def test_a_sign_that_is_missing_on_another_seed_is_said_to_be(page: Page, engine: FakeEngine) -> None:
    found = bundled(FIRST, 9)
    moved = tuple(0.5 for _ in found.buggy.steps)
    write(museum_of(runs_folder()), replace(found, buggy=replace(found.buggy, series={**found.buggy.series, "moved": moved})))
    at = named(ask(page("museum"), 9), FIRST, FIRST)
    assert said(at).count("not on this seed") == 1 and not engine.lights


@pytest.mark.parametrize("error", [EngineError("The worker crashed."), ValueError("a fault")])
def test_what_fails_is_said_and_can_be_tried_again(page: Page, engine: FakeEngine, error: Exception) -> None:
    at = ask(page("museum"), 3)
    engine.lights[0][2].set_exception(error)
    at.run()
    assert not at.exception and "Seed 3 was not trained." in said(at)
    assert ("The worker crashed." if isinstance(error, EngineError) else "The server's log says more.") in said(at)
    at.button(key="museum_retry").click().run()
    assert len(engine.lights) == 2 and "Training both with seed 3" in said(at)
    at.button(key="museum_cancel").click().run()
    assert engine.lights[1][2].cancelled() and "Training both" not in said(at)
    assert not at.button(key="museum_train").disabled


def test_a_result_that_cannot_be_read_is_a_failure(page: Page, engine: FakeEngine) -> None:
    at = ask(page("museum"), 3)
    engine.lights[0][2].set_result(FIRST)
    at.run()
    assert "cannot be read. Try again." in said(at)
    at.button(key="museum_leave").click().run()
    assert "was not trained" not in said(at)


def test_an_engine_that_warms_up_failed_or_refuses(page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.state = Health("failed", "The port is taken.", 0, 0, 0, 1.0)
    assert "The port is taken." in said(ask(page("museum"), 3)) and not engine.lights
    engine.state = Health("starting", "Loading what it trains with.", 0, 0, 0, 1.0)
    assert "Loading what it trains with." in said(ask(page("museum"), 4))

    def refuse(target: str, *args: Any) -> Future[Any]:
        raise EngineError("No worker, and none to come.")

    monkeypatch.setattr(engine, "light", refuse)
    at = ask(page("museum"), 5)
    assert not at.exception and "No worker, and none to come." in said(at)


def test_seeds_are_few(page: Page) -> None:
    at = page("museum")
    at.text_input(key=f"museum_seed_{FIRST}").set_value(str(SEEDS)).run()
    assert f"{SEEDS} is too large. Type a whole number, 0 to {SEEDS - 1:,}." in said(at)
    assert at.button(key="museum_train").disabled


def test_without_the_bundled_curves_both_can_be_trained(
    page: Page, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.ui.museum.pairs.BUNDLED", tmp_path / "nothing")
    found = bundled(FIRST)
    at = page("museum")
    assert not at.exception and "missing" in said(at)
    at.button(key="museum_train").click().run()
    write(museum_of(runs_folder()), found)
    engine.lights[0][2].set_result(FIRST)
    at.run()
    assert not at.exception and EXHIBITS[FIRST].symptom in said(at)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.0123, "0.0123"), (16.0, "16"), (3270.0, "3,270"), (0.5231, "0.523"), (4.9e10, "4.9·10¹⁰"), (2e-5, "2.0·10⁻⁵")],
)
def test_figures_are_short(value: float, text: str) -> None:
    assert words.figure(value) == text


def test_the_schema_of_what_comes_with_the_program_is_this_versions() -> None:
    assert all(json.loads(path.read_text())["schema_version"] == trial.SCHEMA_VERSION for path in BUNDLED.glob("*.json"))
