"""The Codes screen: what it hands to its map and charts, and what it says while something is missing."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import asked
from pages.ui.asked import Answer
from pages.ui.codes import colouring, download, drawing
from pages.ui.codes.look import FIRST, Seen, seen
from vqcore.config.run import RunConfig
from vqcore.records import BookSnapshot, Snapshot
from vqcore.runs import arrays
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB, D, K

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]
LABELS = ("zero", "one")
PNG = "data:image/png;base64,"


def probe_arrays(*, points: bool = False, step: int = 100) -> dict[str, Any]:
    """What the light worker would have found for a finished run of the fixtures: each code k has k patches, the first codes none."""
    random = np.random.default_rng(0)
    n = 6
    pictures = random.normal(size=(n, 2)).astype(np.float32) if points else random.integers(0, 255, (n, 8, 8, 1), dtype=np.uint8)
    patch = np.full((K, 12), -1, dtype=np.int32)
    for k in range(K):
        patch[k, :k] = np.arange(k) % n
    decoded = random.normal(size=(K, 2)).astype(np.float32) if points else random.integers(0, 255, (K, 8, 8, 1), dtype=np.uint8)
    book = {
        "name": np.array("codes"),
        "codebook": random.normal(size=(K, D)).astype(np.float32),
        "counts": np.arange(K, dtype=np.int64),
        "label_counts": np.stack([np.arange(K), 2 * np.arange(K)], axis=1),
        "z": random.normal(size=(30, D)).astype(np.float16),
        "z_code": random.integers(0, K, 30).astype(np.int32),
        "z_image": np.zeros(30, dtype=np.int64),
        "z_label": np.zeros(30, dtype=np.int64),
        "z_row": np.zeros(30, dtype=np.int32),
        "z_col": np.zeros(30, dtype=np.int32),
        "decoded": decoded,
        "decoded_code": np.arange(K, dtype=np.int32),
        "fields": np.zeros((0, 0, 4), np.int32)
        if points
        else np.array([[[0, 0, 6, 6], [0, 2, 6, 8]], [[2, 0, 8, 6], [2, 2, 8, 8]]], np.int32),
        "patch_picture": patch,
        "patch_row": np.where(patch < 0, -1, 0 if points else 1).astype(np.int32),
        "patch_col": np.where(patch < 0, -1, 0).astype(np.int32),
        "patch_distance": np.ones((K, 12), dtype=np.float32),
    }
    return {
        "step": np.int64(step),
        "images": np.int64(40),
        "complete": np.bool_(True),
        "books": np.int64(1),
        "label_set": np.array("digit"),
        "label_names": np.array(LABELS),
        "pictures": pictures,
        "picture_image": np.arange(n),
        "picture_label": np.zeros(n, dtype=np.int64),
        **{f"{name}_0": value for name, value in book.items()},
    }


def umap_arrays(repeated: int = 0, method: str = "umap") -> dict[str, Any]:
    random = np.random.default_rng(1)
    counts = {"repeated_codes": repeated, "repeated_cloud": 0, "left_out": 0, "distinct": 38 - repeated, "neighbours": 15}
    return {
        "step": np.int64(100),
        "codes": random.normal(size=(K, 2)).astype(np.float32),
        "cloud": random.normal(size=(30, 2)).astype(np.float32),
        "method": np.array(method),
        **{name: np.int64(value) for name, value in counts.items()},
    }


def useful_arrays(sets: tuple[str, ...] = ("digit",)) -> dict[str, Any]:
    S = len(sets)
    return {
        "step": np.int64(100),
        "label_sets": np.array(sets, dtype=np.str_),
        "trained_on": np.int64(160),
        "judged_on": np.int64(40),
        "correct": np.full(S, 30),
        "shuffled": np.tile([3, 4, 5], (S, 1)),
        "renamed": np.full(S, 10),
        "majority": np.full(S, 6),
        "classes": np.full(S, 10),
        "converged": np.ones(S, dtype=bool),
    }


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
    code = at.number_input(key="codes_number").value
    assert code is not None and data["selected"] == code
    assert f"<b>Code {code}</b>" in text(at)
    assert {f"Use of code {code}", "Lives of the codes, by first death"} <= set(figures(at))


@pytest.mark.usefixtures("answers")
def test_a_typed_number_a_neighbour_and_the_arrows_select(page: Page, finished: Finished) -> None:
    at = page("codes", run=finished().id)
    at.number_input(key="codes_number").set_value(7).run()
    assert sent(at, "scene")["selected"] == 7 and "<b>Code 7</b>" in text(at)
    assert text(at).count('class="vq-patch"') == 7 and text(at).count('class="vq-cell"') == 7, "seven patches, framed"
    at.button(key="codes_next").click().run()
    assert at.number_input(key="codes_number").value == 0, "after the last comes the first"
    at.button(key="codes_previous").click().run()
    assert at.number_input(key="codes_number").value == 7
    near = at.button(key="codes_near_0")
    other = int(near.label)
    near.click().run()
    assert at.number_input(key="codes_number").value == other != 7
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
    at.number_input(key="codes_number").set_value(2).run()
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
    at.number_input(key="codes_number").set_value(7).run()
    assert not at.exception and not at.error
    assert len(figures(at)["Points of code 7"]["data"][1]["x"]) == 7
    assert 'class="vq-patch"' not in text(at) and "validation points" in text(at)


@pytest.mark.usefixtures("answers")
def test_a_model_without_codes_says_so(page: Page, finished: Finished) -> None:
    folder = finished()
    for step in folder.snapshots():
        arrays.write_snapshot(folder.path / "snapshots" / f"{step}.npz", Snapshot(step, ()))
    at = page("codes", run=folder.id)
    assert not at.exception and "no codebook" in at.info[0].value


@pytest.mark.usefixtures("answers")
def test_of_several_codebooks_one_is_chosen(page: Page, finished: Finished) -> None:
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
    at.segmented_control(key="codes_book_2").set_value(1).run()
    assert not at.exception and sent(at, "scene")["scene"]["codes"] == 4


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
    at.number_input(key="codes_number").set_value(7).run()
    assert "<img src=x" not in text(at) and "**bold**" not in text(at)


# ---- its parts


@pytest.fixture
def view(finished: Finished) -> Seen:
    found = seen(finished(), 0)
    assert found is not None
    return found


def test_the_codebook_is_downloaded_as_it_was_compared(view: Seen) -> None:
    loaded = np.load(io.BytesIO(download.npy(view, None)), allow_pickle=False)
    assert loaded.dtype == np.float32 and loaded.shape == (K, D)
    np.testing.assert_array_equal(loaded, view.film.codebook[-1])
    probe = Probe.of(probe_arrays())
    np.testing.assert_array_equal(np.load(io.BytesIO(download.npy(view, probe))), probe.books[0].codebook)
    earlier = Probe.of(probe_arrays(step=50))
    np.testing.assert_array_equal(np.load(io.BytesIO(download.npy(view, earlier))), view.film.codebook[-1])


def test_the_table_has_a_line_for_each_code_with_its_figures(view: Seen) -> None:
    rows = list(csv.DictReader(io.StringIO(download.table(view, Probe.of(probe_arrays())))))
    codes = np.array([[float(row[f"e_{i}"]) for i in range(D)] for row in rows], dtype=np.float32)
    np.testing.assert_array_equal(codes, Probe.of(probe_arrays()).books[0].codebook)
    distance = np.linalg.norm(codes[:, None] - codes[None], axis=2) + np.diag(np.full(K, np.inf))
    assert [int(row["nearest_code"]) for row in rows] == distance.argmin(axis=1).tolist()
    np.testing.assert_allclose([float(row["nearest_distance"]) for row in rows], distance.min(axis=1), rtol=1e-4)
    assert rows[0]["age_steps"] == "" and rows[1]["age_steps"] == "0", "never chosen is no number of steps"
    assert [row["validation_hits"] for row in rows] == [str(7 - k) for k in range(K)]
    assert sum(float(row["validation_share"]) for row in rows) == pytest.approx(1, abs=1e-4)
    assert (
        rows[0]["majority_label"] == ""
        and rows[3]["majority_label"] == "one"
        and float(rows[3]["purity"]) == pytest.approx(2 / 3, abs=1e-3)
    )
    plain = next(csv.DictReader(io.StringIO(download.table(view, None))))
    assert "purity" not in plain and plain["code"] == "0"


def test_what_fires_is_bright_and_framed_and_the_rest_is_pale() -> None:
    pictures = np.full((2, 8, 8, 1), 100, dtype=np.uint8)
    fired = np.zeros((2, 2, 2), dtype=bool)
    fired[0, 1, 0] = True
    drawn = drawing.firing(pictures, fired, 4, (9, 8, 7))
    by = drawn.shape[1] // 8
    assert by >= 4 and drawn.shape == (2, 8 * by, 8 * by, 4)
    bright = drawn[..., 3] == 255
    assert bright[0, 4 * by :, : 4 * by].all() and bright.sum() == 16 * by * by
    assert drawn[0, 4 * by, 0, :3].tolist() == [9, 8, 7] and drawn[0, 6 * by, 2 * by, :3].tolist() == [100] * 3
    whole = drawing.firing(pictures, np.array([[[True]], [[False]]]), None, (9, 8, 7))
    assert (whole[0, ..., 3] == 255).all() and not (whole[1, ..., 3] == 255).any()
    tiles = drawing.fires(pictures, fired, 4, (9, 8, 7), 'code "1"')
    assert tiles.count("<img") == 2 and tiles.count("opacity") == 1, "only the second picture is pale as a whole"
    assert 'aria-label="code &quot;1&quot;"' in tiles


@pytest.mark.parametrize(
    ("row", "col", "size", "expected"),
    [(0, 0, 4, (0, 0, 4, 4)), (7, 4, 4, (28, 16, 30, 17)), (0, 0, None, (0, 0, 30, 17))],
)
def test_a_cell_ends_where_the_picture_ends(row: int, col: int, size: int | None, expected: drawing.Box) -> None:
    assert drawing.cell_box(row, col, size, 30, 17) == expected


def test_a_patch_marks_cell_and_receptive_field_where_they_are_less_than_the_picture() -> None:
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    marked = drawing.patch(picture, (4, 0, 8, 4), (2, 0, 8, 6), 'image "1" <b>')
    assert 'class="vq-field" style="top:25.00%;left:0.00%;height:75.00%;width:75.00%"' in marked
    assert 'class="vq-cell" style="top:50.00%;left:0.00%;height:50.00%;width:50.00%"' in marked
    assert "<b>" not in marked and PNG in marked
    assert "<span" not in drawing.patch(picture, (0, 0, 8, 8), (0, 0, 8, 8), "whole")


@pytest.mark.parametrize("count", [1, 10, 11, 47])
def test_labels_have_colours_of_their_own(count: int) -> None:
    palette = colouring.palette_of(count)
    assert palette.shape == (count, 3) and palette.min() >= 0 and palette.max() <= 255
    assert len({tuple(colour.round()) for colour in palette}) == count


def test_usage_and_age_are_coloured_at_every_moment(view: Seen) -> None:
    usage, age, alive = (colouring.paint(mode, view).colours for mode in ("usage", "age", "alive"))
    T = len(view.film.steps)
    assert usage.shape == age.shape == alive.shape == (T, K, 3)
    hits = view.film.hits[-1]
    brightness = usage[-1].astype(int).sum(axis=1)
    assert brightness[hits.argmax()] == brightness.max()
    young, old = (age[-1, k].astype(int).sum() for k in (1, 7))
    assert young > old, "the longer ago, the darker"
    assert alive[-1, 7].tolist() == list(colouring.FADING) and alive[-1, 1].tolist() == list(colouring.ALIVE)


def test_a_look_is_shared_until_something_new_is_there(finished: Finished) -> None:
    folder = finished()
    first, second = seen(folder, 0), seen(folder, 0)
    assert first is not None and second is not None and first.film is second.film
    assert seen(folder, 3) is None
    shot = folder.snapshot(100)
    assert shot is not None
    arrays.write_snapshot(folder.path / "snapshots" / "150.npz", replace(shot, step=150))
    third = seen(folder, 0)
    assert third is not None and third.film.steps.tolist() == [50, 100, 150]


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
