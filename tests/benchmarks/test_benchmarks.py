"""Every benchmark runs, as small as it goes, and what it says is whole. Its figures are not looked at: this machine is busy.

Most of that is for the night: by day every script is at least loaded, and the clinic's, which says whether treatments help, runs.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.benchmarks.common import report
from vqcore.clinic.treatments import TREATMENTS

ROOT = Path(__file__).parents[2]


def rows(module: str, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", "--quick", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    if done.stderr.startswith("Skipped:"):
        if os.environ.get("CI") and "browser" in done.stderr:
            pytest.fail(done.stderr)
        pytest.skip(done.stderr)
    document = json.loads(done.stdout)
    assert {"cpu", "cores", "threads", "torch", "python"} <= set(document["settings"])
    found: list[dict[str, Any]] = document["rows"]
    return found


@pytest.mark.parametrize("module", sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("test_")))
def test_every_script_can_be_loaded(module: str) -> None:
    assert importlib.import_module(f"tests.benchmarks.{module}").__doc__


@pytest.mark.nightly
def test_mnist_with_cures_and_without() -> None:
    cured, plain = rows("mnist")
    assert (cured["run"], plain["run"]) == ("three cures", "no cures")
    for row in (cured, plain):
        assert row["K"] == 128
        assert 0 < row["NMSE"] < 10
        assert 1 <= row["perplexity"] <= row["used_in_validation"] <= row["K"]
        assert row["seconds"] > 0


@pytest.mark.nightly
@pytest.mark.browser
def test_watched_against_unwatched() -> None:
    (row,) = rows("watched")
    assert row["watched_steps_per_s"] > 0
    assert row["unwatched_steps_per_s"] > 0
    assert row["ratio"] == pytest.approx(row["watched_steps_per_s"] / row["unwatched_steps_per_s"])


@pytest.mark.nightly
@pytest.mark.browser
def test_waiting_for_paint_and_for_the_first_point() -> None:
    found = rows("first_point")
    assert len(found) == 3
    assert all(0 < row["least_s"] <= row["median_s"] <= row["most_s"] for row in found)


@pytest.mark.nightly
def test_work_for_the_codes_screen_while_every_slot_is_busy() -> None:
    found = {row["what"]: row for row in rows("codes", "--part", "engine")}
    assert len(found) == 10
    assert all(0 < row["least_s"] <= row["median_s"] <= row["most_s"] for row in found.values())
    umap = next(row for what, row in found.items() if what.startswith("UMAP of 64 codes"))
    assert umap["wanted_s"] == 10
    assert umap["processor_s"] > 0


@pytest.mark.nightly
@pytest.mark.browser
def test_waiting_for_the_codes_screen() -> None:
    first, click = rows("codes", "--part", "page")
    assert (first["wanted_s"], click["wanted_s"]) == (1.0, 0.3)
    assert first["median_s"] > 0
    assert 0 < click["least_s"] <= click["most_s"]


@pytest.mark.nightly
@pytest.mark.browser
def test_from_a_stroke_to_its_picture() -> None:
    (row,) = rows("paint")
    assert (row["strokes"], row["lost_of_60"], row["undo_whole"]) == (3, 0, True)
    assert 0 <= row["median_ms"] <= row["most_ms"]


def test_the_clinic_treats_what_it_diagnoses() -> None:
    found = rows("clinic", "--cause", "far_init", "--cause", "high_d")
    assert [row["cause"] for row in found] == ["far_init", "high_d"]
    for row in found:
        assert row["untreated_used"] < row["treated_used"] <= row["K"]
        assert row["treatment"] in TREATMENTS and row["pattern"]
        assert 0 < row["treated_NMSE"] < 10


@pytest.mark.nightly
def test_the_clinic_tries_every_treatment() -> None:
    found = rows("clinic", "--cause", "far_init", "--treatments")
    assert [row["treatment"] for row in found] == list(TREATMENTS)


@pytest.mark.nightly
def test_what_codes_cost_under_each_prior() -> None:
    *found, keras = rows("priors", "--K", "16", "32")
    assert [(row["K"], row["prior"]) for row in found[::5]] == [(16, "uniform"), (32, "uniform")]
    assert {row["prior"] for row in found} == {"uniform", "histogram", "histogram per position", "pixelcnn", "transformer"}
    for row in found:
        assert row["bits_per_image"] == pytest.approx(row["bits_per_code"] * 4 * 4 / 4)
        assert row["nats_per_code"] == pytest.approx(row["bits_per_code"] * math.log(2))
        assert row["bits_per_code"] == pytest.approx(math.log2(row["K"])) or row["prior"] != "uniform"
        assert row["images"] == 359 and row["trained"].startswith("On ")
    assert keras["bits_per_image"] == pytest.approx(73.1, abs=0.05)


@pytest.mark.nightly
def test_the_ladder_is_drawn_and_judged(tmp_path: Path) -> None:
    found = {row["source"]: row for row in rows("ladder", "--sheet", str(tmp_path / "ladder.png"))}
    assert next(iter(found)) == "uniform" and list(found)[-1] == "real test pictures"
    assert len(found) == 7
    for row in found.values():
        assert 0 < row["forest_confidence"] <= 1
        assert 0 <= row["perceptron_confident_share"] <= 1
        assert row["forest_accuracy"] > 0.8
    with Image.open(tmp_path / "ladder.png") as sheet:
        assert sheet.width > sheet.height > 7 * 8


@pytest.mark.nightly
def test_the_runs_of_the_tour() -> None:
    found = {row["card"]: row for row in rows("start")}
    assert set(found) == {"train", "broken", "grid"}
    for row in found.values():
        assert 1 <= row["used"] <= 16 and 0 < row["NMSE"] < 10 and row["seconds"] > 0
        assert 0.4 < row["mean_picture"] < 0.6
    assert found["broken"]["most_used_broken"] <= 16


@pytest.mark.nightly
def test_kinds_of_quantizers() -> None:
    found = rows("family")
    assert len(found) == 10
    for row in found:
        assert 0 < row["NMSE"] < 10 and row["lowest"] == row["NMSE"] == row["highest"]
    bits = {row["quantizer"]: row["bits_an_image"] for row in found if row["data"] == "letters"}
    assert list(bits.values()) == pytest.approx([4 * 49, 8 * 49, 16 * 49, 8 * 49, 8 * 49])


def test_many_rows_stand_upright(capsys: pytest.CaptureFixture[str]) -> None:
    report("A title", [{"what": f"thing {i}", "seconds": i / 4} for i in range(5)], as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert any("what" in line and "seconds" in line for line in lines)
    assert any("thing 3" in line and "0.75" in line for line in lines)


def test_a_table_is_printed_without_json(capsys: pytest.CaptureFixture[str]) -> None:
    report("A title", [{"run": "one", "figure_s": 1234.5678}, {"run": "two", "figure_s": 2.0}], as_json=False)
    printed = capsys.readouterr().out
    for part in ("A title", "one", "two", "figure s", "1,235", "torch"):
        assert part in printed


def test_codes_that_start_late_beside_those_that_do_not() -> None:
    found = rows("late_start")
    assert [row["start_after"] for row in found] == [0, 50]
    for row in found:
        assert 0 < row["used_after_10"] <= row["K"] and 0 < row["used_after_200"] <= row["K"]
        assert row["walked"] > 0 and 0 <= row["in_one_direction"] <= 1 and 0 < row["NMSE"] < 2
