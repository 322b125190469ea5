"""The Codes screen: what it hands to its map and charts, and what it says while something is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import asked, session
from pages.ui.asked import Answer
from pages.ui.codes.look import FIRST, seen
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.records import BookSnapshot, Snapshot
from vqcore.runs import arrays
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.runs.store import RunStore
from vqcore.shape import Book

from .conftest import ADA, BOB, D, K
from .probing import probe_arrays, umap_arrays, useful_arrays

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"
PNG = "data:image/png;base64,"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Answer]:
    """What the light worker says to each question, for the tests to change."""
    said = {
        "probe": Answer("ready", probe_arrays(), step=100),
        "umap": Answer("working", message="Computing UMAP.", seconds=3),
        "usefulness": Answer("working", message="Training classifiers."),
    }
    monkeypatch.setattr(asked, "ask", lambda run, kind, **settings: said[kind])
    return said


def sent(at: AppTest, name: str) -> dict[str, Any]:
    """What the component of that kind ("scene" of a map, "figure" of a chart) was last given, by what its message holds."""
    found = [json.loads(component.proto.json) for component in at.get("bidi_component")]
    return next(message for message in found if name in message)


def figures(at: AppTest) -> dict[str, dict[str, Any]]:
    """The charts on the page by their names."""
    found = [json.loads(component.proto.json) for component in at.get("bidi_component")]
    drawn = [json.loads(message["figure"]) for message in found if "figure" in message]
    return {figure["layout"]["meta"]["name"]: figure for figure in drawn}


def text(at: AppTest) -> str:
    """All words and HTML on the page."""
    elements = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return "\n".join([*(str(element.value) for element in elements), *(str(element.proto.body) for element in at.get("html"))])


# ---- the page


@pytest.mark.usefixtures("answers")
def test_no_run_teaches_and_offers_one(page: Page, finished: Finished) -> None:
    at = page("codes")
    assert not at.exception and "lies on a map" in at.info[0].value
    folder = finished(cookie=BOB)
    at = page("codes")
    at.button(key="empty_newest").click().run()
    assert at.session_state["run_id"] == folder.id and sent(at, "scene")["scene"]["codes"] == K


def test_a_run_without_snapshots_says_when_they_come(page: Page, store: RunStore) -> None:
    at = page("codes", run=store.create(RunConfig(), name="Waiting").id)
    assert not at.exception and "no snapshot of its codebook yet" in at.info[0].value


@pytest.mark.usefixtures("answers")
def test_it_opens_on_the_film_and_on_a_code(page: Page, finished: Finished) -> None:
    at = page("codes", run=finished(cookie=BOB).id)
    assert not at.exception and not at.error
    data = sent(at, "scene")
    assert data["scene"]["steps"] == [50, 100] and not data["scene"]["still"]
    code = int(at.text_input(key="codes_number").value)
    assert code is not None and data["selected"] == code
    assert f"<b>Code {code}</b>" in text(at)
    assert {f"Use of code {code}", "Lives of the codes, by first death"} <= set(figures(at))


def test_the_example_opens_on_a_code_that_draws_something(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "DEMO", DEMO)
    at = page("codes")
    code = int(at.text_input(key="codes_number").value)
    book = Probe.of(asked.ask(session.store().get(session.example()), "probe").data or {}).books[0]
    drawn = book.drawn(code)
    assert drawn is not None and drawn.std() > 50, "a black tile teaches nothing"
    data = sent(at, "scene")["scene"]
    assert data["explained"] and data["usageTitle"] == "How often each code is chosen"
    assert "points that look near may be far apart" in data["note"]
    assert "Frames mark cells that chose it" in text(at)
    assert "colour by usage" in text(at), "its codes are all of one age"


def test_a_better_first_code_comes_with_the_pictures_but_a_chosen_one_stays(
    page: Page, finished: Finished, answers: dict[str, Answer]
) -> None:
    ready, answers["probe"] = answers["probe"], Answer("working", message="Running the validation data through the model.", seconds=1)
    assert ready.data is not None
    run = finished()
    at = page("codes", run=run.id)
    first = int(at.text_input(key="codes_number").value)
    used = {int(k) for k in np.flatnonzero(2 * K * run.snapshot().books[0].usage > run.snapshot().books[0].usage.sum())}  # type: ignore[union-attr]
    best = min(used - {first})
    pictures = np.zeros_like(ready.data["decoded_0"])
    pictures[list(ready.data["decoded_code_0"]).index(best), ::2] = 255
    answers["probe"] = replace(ready, data=ready.data | {"decoded_0": pictures})
    at.run()
    assert int(at.text_input(key="codes_number").value) == best
    chosen = next(k for k in range(K) if k not in (first, best))
    at.text_input(key="codes_number").set_value(str(chosen)).run()
    at.run()
    assert int(at.text_input(key="codes_number").value) == chosen


@pytest.mark.usefixtures("answers")
def test_a_typed_number_a_neighbour_and_the_arrows_select(page: Page, finished: Finished) -> None:
    at = page("codes", run=finished().id)
    at.text_input(key="codes_number").set_value("7").run()
    assert sent(at, "scene")["selected"] == 7 and "<b>Code 7</b>" in text(at)
    assert text(at).count('class="vq-patch"') == 7 and text(at).count('class="vq-cell"') == 7, "seven patches, framed"
    at.button(key="codes_next").click().run()
    assert at.text_input(key="codes_number").value == "0", "after the last comes the first"
    at.button(key="codes_previous").click().run()
    assert at.text_input(key="codes_number").value == "7"
    near = at.button(key="codes_near_0")
    other = int(near.label)
    near.click().run()
    assert at.text_input(key="codes_number").value == str(other) != "7"
    assert sent(at, "scene")["selected"] == other


@pytest.mark.usefixtures("answers")
def test_a_click_in_the_map_opens_the_code_and_escape_closes_it(page: Page, finished: Finished) -> None:
    at = page("codes", run=finished().id)
    at.session_state["codes_map"] = {"selected": {"at": 5.0, "code": 3}}
    at.run()
    assert sent(at, "scene")["selected"] == 3
    at.session_state["codes_map"] = {"selected": {"at": 6.0, "code": None}}
    at.run()
    assert not at.exception and sent(at, "scene")["selected"] is None


@pytest.mark.usefixtures("answers")
def test_the_nearest_codes_stand_with_their_true_distances(page: Page, finished: Finished) -> None:
    folder = finished()
    at = page("codes", run=folder.id)
    at.text_input(key="codes_number").set_value("2").run()
    shot = folder.snapshot(100)
    assert shot is not None
    codes = shot.books[0].codebook.astype(np.float32)
    distance = np.linalg.norm(codes - codes[2], axis=1)
    expected = np.argsort(distance)[1:6]
    assert [int(at.button(key=f"codes_near_{i}").label) for i in range(5)] == expected.tolist()
    assert f"{distance[expected[0]]:.3g}" in [caption.value for caption in at.caption]


def test_until_the_patches_are_there_the_map_is(page: Page, finished: Finished, answers: dict[str, Answer]) -> None:
    answers["probe"] = Answer("working", message="Running the validation data through the model.", seconds=1)
    at = page("codes", run=finished().id)
    assert not at.exception and sent(at, "scene")["scene"]["codes"] == K
    assert "come in a moment" in text(at) and 'class="vq-patch"' not in text(at)
    assert "label" not in at.selectbox(key="codes_colour").options, "labels are not known yet"


def test_a_failed_probe_says_why_and_can_be_asked_again(
    page: Page, finished: Finished, answers: dict[str, Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[str] = []
    monkeypatch.setattr(asked, "retry", lambda run, kind, **settings: again.append(kind))
    answers["probe"] = Answer("failed", message="MNIST is not on this machine.")
    at = page("codes", run=finished().id)
    assert "MNIST is not on this machine" in text(at).replace("\\", "") and sent(at, "scene")["scene"]["codes"] == K
    at.button(key="codes_probe_retry").click().run()
    assert again == ["probe"] and not at.exception


def test_umap_stands_behind_pca_until_it_is_ready(page: Page, finished: Finished, answers: dict[str, Answer]) -> None:
    at = page("codes", run=finished().id)
    at.segmented_control(key="codes_plane").set_value("UMAP").run()
    assert sent(at, "scene")["scene"]["steps"] == [50, 100] and "Until then this is PCA" in text(at)
    answers["umap"] = Answer("ready", umap_arrays(repeated=3), step=100)
    at.run()
    scene = sent(at, "scene")["scene"]
    assert scene["still"] and scene["steps"] == [100] and not scene["x"], "axes without numbers: distances mean nothing"
    assert "mean nothing here" in text(at) and f"3 of {K} codes repeat another code" in text(at)
    answers["umap"] = Answer("ready", umap_arrays(method="pca"), step=100)
    at.run()
    assert "too few for UMAP" in text(at)
    answers["umap"] = Answer("failed", message="The worker ended before it could answer.")
    at.run()
    assert "this is PCA" in text(at) and at.button(key="codes_umap_retry")


@pytest.mark.usefixtures("answers")
@pytest.mark.parametrize("mode", ["code", "usage", "age", "alive", "label"])
def test_every_colouring_is_drawn_with_its_legend(page: Page, finished: Finished, mode: str) -> None:
    at = page("codes", run=finished().id)
    at.selectbox(key="codes_colour").set_value(mode).run()
    assert not at.exception
    scene = sent(at, "scene")["scene"]
    keys = [key["label"] for key in scene["legend"]]
    assert keys == {"alive": ["alive", "alive, not chosen for half an epoch"], "label": ["one"]}.get(mode, [])
    assert bool(scene["ramp"]) == (mode in ("usage", "age"))


@pytest.mark.usefixtures("answers")
def test_below_stand_meter_usefulness_and_files(page: Page, finished: Finished, answers: dict[str, Answer]) -> None:
    at = page("codes", run=finished().id)
    at.session_state["codes_below"] = "Usage meter"
    at.run()
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown == {
        "Used this epoch": "5 of 8",
        "Used on validation": "5 of 8",
        "Ever used": "6 of 8",
        "Alive by EMA": "5 of 8",
        "Batch perplexity": "3.5",
        "Validation perplexity": "4.5",
        "Median age": "3 steps",
    }
    assert all(metric.help for metric in at.metric)
    assert {"Perplexity by number of vectors", "Ages of the codes"} <= set(figures(at))
    at.select_slider(key="codes_counted").set_value(2).run()
    assert "Counted on 2 of the 28 vectors" in text(at)

    at.session_state["codes_below"] = "Are codes useful?"
    at.run()
    assert "Training classifiers" in text(at)
    answers["usefulness"] = Answer("ready", useful_arrays(), step=100)
    at.run()
    assert figures(at)["Codes as features"]["data"][0]["x"] == [75.0, 25.0, 10.0, 15.0]
    assert "7.5 to 12.5 %" in text(at)
    answers["usefulness"] = Answer("ready", useful_arrays(()), step=100)
    at.run()
    assert "have no labels" in text(at)

    at.session_state["codes_below"] = "Download"
    at.run()
    assert not at.exception and len(at.get("download_button")) == 2


@pytest.mark.usefixtures("answers")
def test_the_lives_can_be_sorted(page: Page, finished: Finished) -> None:
    at = page("codes", run=finished().id)
    at.segmented_control(key="codes_sort").set_value("index").run()
    assert not at.exception and "Lives of the codes, by index" in figures(at)


def test_points_are_shown_in_their_plane(page: Page, finished: Finished, answers: dict[str, Answer]) -> None:
    answers["probe"] = Answer("ready", probe_arrays(points=True), step=100)
    at = page("codes", run=finished(points=True).id)
    at.text_input(key="codes_number").set_value("7").run()
    assert not at.exception and not at.error
    assert len(figures(at)["Points of code 7"]["data"][1]["x"]) == 7
    assert 'class="vq-patch"' not in text(at) and "validation points" in text(at)


@pytest.mark.usefixtures("answers")
def test_a_model_without_codes_says_so_before_it_has_trained(page: Page, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VQConfig, "books", lambda self: ())
    at = page("codes", run=store.create(RunConfig(), name="Without codes").id)
    assert not at.exception and at.info[0].value == "Codes needs a codebook, and this model has none\\."


@pytest.mark.usefixtures("answers")
def test_of_several_codebooks_one_is_chosen(page: Page, finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VQConfig, "books", lambda self: (Book("codes", K, D), Book("second", 4, D)))
    folder = finished()
    for step in folder.snapshots():
        shot = folder.snapshot(step)
        assert shot is not None
        small = BookSnapshot(
            "second", *(getattr(shot.books[0], name)[:4] for name in ("codebook", "usage", "validation_usage", "age", "ema_count"))
        )
        arrays.write_snapshot(folder.path / "snapshots" / f"{step}.npz", Snapshot(step, (shot.books[0], small)))
    at = page("codes", run=folder.id, cookie=ADA)
    assert sent(at, "scene")["scene"]["codes"] == K
    at.segmented_control(key="frame_book").set_value(1).run()
    assert not at.exception and sent(at, "scene")["scene"]["codes"] == 4
    assert "".join(at.query_params["book"]) == "2"


@pytest.mark.usefixtures("answers")
def test_a_torn_snapshot_is_passed_over(page: Page, finished: Finished) -> None:
    folder = finished()
    (folder.path / "snapshots" / "100.npz").write_bytes(b"PK torn")
    at = page("codes", run=folder.id)
    assert not at.exception and sent(at, "scene")["scene"]["steps"] == [50]


@pytest.mark.usefixtures("answers")
def test_names_that_people_typed_are_no_markup(page: Page, finished: Finished, answers: dict[str, Answer]) -> None:
    found = probe_arrays()
    found["label_names"] = np.array(["<img src=x onerror=alert(1)>", "**bold**"])
    answers["probe"] = Answer("ready", found, step=100)
    at = page("codes", run=finished().id)
    at.text_input(key="codes_number").set_value("7").run()
    assert "<img src=x" not in text(at) and "**bold**" not in text(at)


@pytest.mark.usefixtures("answers")
def test_of_a_long_film_a_part_is_shown_first_and_then_all(page: Page, finished: Finished) -> None:
    folder = finished()
    shot = folder.snapshot(100)
    assert shot is not None
    count = 3 * FIRST
    for step in range(150, 50 * count + 1, 50):
        arrays.write_snapshot(folder.path / "snapshots" / f"{step}.npz", replace(shot, step=step))
    first = seen(folder, 0, first=True)
    assert first is not None and not first.whole and len(first.film.steps) <= FIRST
    assert (first.film.steps[0], first.last) == (50, 50 * count), "from its beginning to its end"
    second = seen(folder, 0)
    assert second is not None and second.whole and len(second.film.steps) == count
    other = seen(folder, 0, first=True)
    assert other is not None and not other.whole and len(other.film.steps) == FIRST, "another browser's first look is quick as well"
    assert (other.film.steps[0], other.last, other.basis) == (50, 50 * count, second.basis)
    st.cache_resource.clear()
    at = page("codes", run=folder.id)
    assert not at.exception and len(sent(at, "scene")["scene"]["steps"]) <= FIRST and not figures(at)
    at.run()
    assert not at.exception and len(sent(at, "scene")["scene"]["steps"]) == count and figures(at)
