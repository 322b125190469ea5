"""The Codes screen's parts: files, colours, patches."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui.codes import colouring, download, drawing, panel
from pages.ui.codes.look import Seen, seen
from vqcore.runs import arrays
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe

from .conftest import D, K
from .probing import probe_arrays

Finished = Callable[..., RunFolder]
PNG = "data:image/png;base64,"


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


@pytest.mark.parametrize(
    ("share", "said"), [(1.0, "100 %"), (0.9999, "100 %"), (0.125, "12 %"), (0.0096, "0.96 %"), (0.0996, "10 %"), (0.0, "0 %")]
)
def test_a_share_is_written_without_an_exponent(share: float, said: str) -> None:
    assert panel.percent(share) == said


def test_age_is_said_to_tell_nothing_where_all_codes_are_alike(view: Seen) -> None:
    fresh = replace(view, film=replace(view.film, age=np.zeros_like(view.film.age)))
    assert "colour by usage" in colouring.note("age", fresh, None)
    old = view.film.age.copy()
    old[-1, 0] += 7
    differing = replace(view, film=replace(view.film, age=old))
    assert colouring.ages_differ(differing) and "how many training steps ago" in colouring.note("age", differing, None)


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


def _number_field() -> None:
    import streamlit as st

    from pages.ui import number
    from pages.ui.codes import choice

    pictures = bool(st.session_state["pictures"])
    choice.chosen("a run", 13 if pictures else 4, 64, sure=pictures)
    choice.refill("a run", 64)
    number.number("Code", number.Range(0, 63), key=choice.NUMBER, optional=True, on_change=choice.from_number, args=("a run",))


def test_what_is_typed_is_not_overwritten_by_a_better_default() -> None:
    at = AppTest.from_function(_number_field)
    at.session_state["pictures"] = False
    at.run()
    assert at.text_input[0].value == "4"
    at.text_input[0].set_value("abc").run()
    at.session_state["pictures"] = True  # they have come, and say which code draws most
    at.run()
    assert at.text_input[0].value == "abc"
    untouched = AppTest.from_function(_number_field)
    untouched.session_state["pictures"] = False
    untouched.run()
    untouched.session_state["pictures"] = True
    untouched.run()
    assert untouched.text_input[0].value == "13"
