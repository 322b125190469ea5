"""Bits: the counter, what was measured, and the stopwatch with an engine that only remembers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session, sweepwork
from pages.ui.bits.counter import Choice, memory
from pages.ui.bits.measured import by_rest, share_used
from pages.ui.bits.message import shown
from pages.ui.bits.stopwatch import SIZES, VECTORS
from vqcore.config.presets import PRESETS
from vqcore.errors import EngineError
from vqcore.jobs.engine import Health
from vqcore.rates import points
from vqcore.runs.folder import RunFolder
from vqcore.sweeps.results import Result, cells
from vqcore.sweeps.spec import SweepSpec, parse_vary
from vqcore.sweeps.store import Sweep


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    """What each chart is called → its figure."""
    found = {}
    for block in at.get("bidi_component"):
        data = json.loads(block.proto.json)
        if "figure" in data:
            figure = json.loads(data["figure"])
            found[figure["layout"]["meta"]["name"]] = figure
    return found


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def drawn_grid(html: str) -> str:
    """The SVG of the message."""
    (encoded,) = re.findall(r'class="grid" src="data:image/svg\+xml;base64,([^"]+)"', html)
    return base64.b64decode(encoded).decode()


# ── the counter ──


def test_without_a_run_the_counter_counts(page: Callable[..., AppTest]) -> None:
    at = page("bits")
    assert not at.exception and not at.error
    assert metrics(at)["Bits an image"] == f"{7 * 7 * 6}"
    at.select_slider(key="bits_K").set_value(128).run()
    assert metrics(at)["Bits an image"] == f"{7 * 7 * 7}"
    assert metrics(at)["Codebook K·D"] == f"{128 * 8:,}"
    at.select_slider(key="bits_side").set_value(14).run()
    assert metrics(at)["Bits an image"] == f"{14 * 14 * 7:,}"


@pytest.mark.parametrize(("guess", "said"), [("halve", "No"), ("stay the same", "Yes"), ("double", "No")])
def test_d_is_predicted_first_and_moves_no_bit(page: Callable[..., AppTest], guess: str, said: str) -> None:
    at = page("bits")
    assert at.select_slider(key="bits_D").disabled
    at.segmented_control(key="bits_guess").set_value(guess).run()
    assert not at.select_slider(key="bits_D").disabled
    assert any(text.value.startswith(f"{said}: they stay **294**") for text in at.markdown)
    before = metrics(at)
    at.select_slider(key="bits_D").set_value(256).run()
    assert metrics(at)["Bits an image"] == before["Bits an image"]
    assert metrics(at)["Codebook K·D"] == f"{64 * 256:,}" and metrics(at)["Its memory"] == "64 KiB"


def test_an_open_run_sets_the_sliders_and_shows_its_own_message(page: Callable[..., AppTest], finished: Callable[..., RunFolder]) -> None:
    folder = finished("Mine")
    at = page("bits", run=folder.id)
    assert (at.select_slider(key="bits_K").value, at.select_slider(key="bits_D").value, at.select_slider(key="bits_side").value) == (
        8,
        4,
        2,
    )
    assert any("Mine" in caption.value for caption in at.caption)
    assert not any("only the length" in info.value for info in at.info)
    at.select_slider(key="bits_K").set_value(16).run()
    assert any("only the length" in info.value for info in at.info)
    assert at.select_slider(key="bits_K").value == 16, "the sliders are the student's once the run is open"


def test_each_stop_shows_the_pictures_of_a_model_with_these_settings(page: Callable[..., AppTest]) -> None:
    at = page("bits")
    seen = {}
    for side in points.GRIDS:
        for K in (2, 64, 1024):
            at.select_slider(key="bits_side").set_value(side)
            at.select_slider(key="bits_K").set_value(K).run()
            point = points.read(K, side)
            assert point is not None and metrics(at)["Error (NMSE)"] == f"{point.nmse:.4f}"
            assert any("Redrawn" in html.proto.body and "from these bits" not in html.proto.body for html in at.get("html"))
            seen[K, side] = point.nmse
    assert seen[2, 7] > seen[64, 7] > seen[1024, 7] and seen[64, 1] > seen[64, 4] > seen[64, 7] > seen[64, 14]
    at.select_slider(key="bits_K").set_value(65_536).run()
    assert metrics(at)["Error (NMSE)"] == "–"
    assert any("No model with these settings" in info.value for info in at.info)


def test_points_and_a_run_without_pictures_leave_the_counter_alone(
    page: Callable[..., AppTest], finished: Callable[..., RunFolder]
) -> None:
    at = page("bits", run=finished("Rings", points=True).id)
    assert not at.exception and not at.error
    assert metrics(at)["Bits an image"] == "294"


def test_the_message_is_the_number_of_each_code_in_bits() -> None:
    index = np.array([[0b101, 0b010]], dtype=np.int32)
    colours = np.array([[[255, 255, 255], [0, 0, 0]]], dtype=np.uint8)
    picture = np.zeros((4, 8, 1), dtype=np.uint8)
    html = shown((1, 2), 3, picture=picture, redrawn=picture, index=index, colours=colours)
    assert "256 bits" in html and "6 bits" in html and "redrawn" in html
    drawing = drawn_grid(html)
    hollow, filled = re.findall(r'<path fill="none"[^>]* d="([^"]*)"', drawing), re.findall(r'<path fill="#[^>]* d="([^"]*)"', drawing)
    assert [path.count("M") for path in hollow] == [3, 3]
    assert [path.count("M") for path in filled] == [2, 1]
    assert 'fill="#000"' in drawing and 'fill="#fff"' in drawing, "what can be read on white, and on black"


def test_an_unknown_message_has_no_values() -> None:
    html = shown((2, 2), 4)
    assert "16 bits" in html and "not filled in" in html and "redrawn" not in html
    drawing = drawn_grid(html)
    assert drawing.count("<path") == 4 and 'fill="#' not in drawing


def test_the_longest_message_stays_a_small_page() -> None:
    assert len(shown((16, 16), 16)) < 250_000


@pytest.mark.parametrize(("size", "said"), [(8, "8 bytes"), (4096, "4 KiB"), (4 * 65_536 * 256, "64 MiB"), (2**31, "2 GiB")])
def test_memory_is_said_as_people_say_it(size: int, said: str) -> None:
    assert memory(size) == said


# ── what was measured ──


def a_sweep(*figures: tuple[int, int, int]) -> tuple[Sweep, tuple[Result, ...]]:
    """(K, seed, used) → a stored sweep over K."""
    spec = SweepSpec.parse({"base": PRESETS["digits"].config, "axes": [parse_vary("model.quantizer.K=16,64")], "seeds": [0, 1]})
    results = tuple(
        Result((str(K),), {}, seed, state="finished", K=K, D=4, M=16, used=used, entropy_bits=3.0, nmse=0.1, images=9, vectors=90)
        for K, seed, used in figures
    )
    return Sweep("one", "One", spec, ("",) * 4, results=results), results


def test_the_share_used_is_that_of_this_k_and_names_the_d_that_was_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VQ_RUNS", str(tmp_path))
    sweep, _ = a_sweep((16, 0, 16), (16, 1, 16), (64, 0, 32), (64, 1, 48))
    assert share_used(sweep, Choice(16, 4, 4, 0)) == ("Used, D = 4", "100 %")
    assert share_used(sweep, Choice(64, 256, 4, 0)) == ("Used, D = 4", "50 to 75 %")
    assert share_used(sweep, Choice(32, 4, 4, 0)) == ("Share used", "–")
    assert share_used(None, Choice(32, 4, 4, 0)) == ("Share used", "–")


def test_grids_are_told_by_their_cells() -> None:
    spec = SweepSpec.parse(
        {"base": PRESETS["digits"].config, "axes": [parse_vary("model.downsampling=2,vector"), parse_vary("model.quantizer.K=4,8")]}
    )
    results = [
        Result(point.levels, point.changes, 0, state="finished", K=int(point.levels[1]), M=16 if point.levels[0] == "2" else 1, images=1)
        for point in spec.points()
    ]
    groups = by_rest(Sweep("x", "x", spec, ("",) * 4), cells(results))
    assert {title: [cell.results[0].K for cell in found] for title, found in groups.items()} == {"16 cells": [4, 8], "1 cell": [4, 8]}


def test_what_comes_with_the_program_is_drawn_at_once(page: Callable[..., AppTest]) -> None:
    assert list(sweepwork.BUNDLED.glob("*.json"))
    found = charts(page("bits"))
    rate = found["Error against bits per image"]["data"]
    assert {trace["name"] for trace in rate if trace.get("showlegend")} >= {"16 cells", "4 cells", "1 cell"}
    assert any(trace.get("name") == "Mean picture" for trace in rate)
    assert found["Share of codes used against K"]["data"]


def test_without_any_sweep_the_place_says_what_comes(page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sweepwork, "BUNDLED", tmp_path / "none")
    at = page("bits")
    assert any("No sweep has finished yet" in info.value for info in at.info)
    assert "Error against bits per image" not in charts(at)


# ── the stopwatch ──


def row(K: int) -> dict[str, Any]:
    return {"K": K, "D": 16, "N": VECTORS, "block_ms": K / 100, "table_ms": K / 50, "block_bytes": 2**20, "table_bytes": 4 * K, "same": 1.0}


def test_the_stopwatch_asks_for_two_sizes_at_a_time_until_all_are_there(page: Callable[..., AppTest], engine: Any) -> None:
    at = page("bits")
    assert not engine.lights, "nothing is measured unasked"
    at.button(key="bits_start").click().run()
    asked = []
    while len(asked) < len(SIZES):
        waiting = [entry for entry in engine.lights if not entry[2].done()]
        assert 1 <= len(waiting) <= 2
        target, (K, D, N), answer = waiting[0]
        assert (target, D, N) == ("vqcore.analysis.stopwatch:lookup", 8, VECTORS)
        answer.set_result(row(K))
        asked.append(K)
        at.run()
    assert asked == list(SIZES)
    at.run()
    found = charts(at)
    assert found["Time of the lookup"]["data"][1]["x"] == list(SIZES)
    assert found["Memory of the lookup"]["data"][0]["y"] == [4 * K for K in SIZES]
    assert at.button(key="bits_start").label == "Measure again"
    assert any("Measured here just now" in caption.value for caption in at.caption)


def test_cancelling_keeps_what_has_come_and_asks_no_more(page: Callable[..., AppTest], engine: Any) -> None:
    at = page("bits")
    at.button(key="bits_start").click().run()
    engine.lights[0][2].set_result(row(16))
    at.run()
    at.button(key="bits_cancel").click().run()
    asked = len(engine.lights)
    at.run()
    assert len(engine.lights) == asked and engine.lights[-1][2].cancelled()
    assert charts(at)["Time of the lookup"]["data"][0]["x"] == [16]
    assert at.button(key="bits_start").label == "Measure again"


def test_a_failure_is_said_and_can_be_tried_again(page: Callable[..., AppTest], engine: Any) -> None:
    at = page("bits")
    at.button(key="bits_start").click().run()
    engine.lights[0][2].set_exception(EngineError("The worker ended before it could answer."))
    at.run()
    assert any("worker ended" in error.value for error in at.error)
    at.button(key="bits_start").click().run()
    assert not at.error and any(not entry[2].done() for entry in engine.lights)


def test_training_beside_it_is_said_and_a_failed_engine_cannot_measure(page: Callable[..., AppTest], engine: Any) -> None:
    engine.state = Health("ready", "", 2, 1, 0, 1.0)
    at = page("bits")
    at.button(key="bits_start").click().run()
    engine.lights[0][2].set_result(row(16))
    at.run()
    assert any("trained beside it" in caption.value for caption in at.caption)
    engine.state = Health("failed", "It could not be started.", 0, 0, 0, 1.0)
    assert page("bits").button(key="bits_start").disabled
    assert session.engine().health().state == "failed"
