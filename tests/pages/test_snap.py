"""One step under the microscope, as the page hands it to its component."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from pages.ui import models
from pages.ui.snap import bench
from pages.ui.snap.phases import PHASES, Place, line, places
from pages.ui.snap.setups import SOURCES, Setup
from vqcore.config.quantizer import VQConfig
from vqcore.jobs.engine import Health

from .conftest import FakeEngine

Page = Callable[..., AppTest]
ORDER = list(PHASES)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def loaded() -> None:
    models.warm()
    assert models._ready.wait(120), models.problem()


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models are not there yet; how often they were asked for."""
    asked: list[str] = []
    monkeypatch.setattr(models, "ready", lambda: False)
    monkeypatch.setattr(models, "warm", lambda: asked.append("warm"))
    return asked


def told(at: AppTest) -> dict[str, Any]:
    assert not at.exception and not at.error
    data = json.loads(at.get("bidi_component")[0].proto.json)
    del data["serial"]  # never the same twice, whatever is drawn
    return data


def frame(at: AppTest) -> dict[str, Any]:
    return json.loads(told(at)["frame"])


def press(at: AppTest, *keys: str) -> AppTest:
    for key in keys:
        at.button(key=f"snap_{key}").click().run()
    return at


def where(at: AppTest) -> tuple[int, str]:
    return frame(at)["step"], told(at)["phase"]


def test_the_first_look_shows_a_whole_step_without_any_model(page: Page, unloaded: list[str]) -> None:
    at = page("snap")
    assert told(at)["phase"] == "encode" and "Loading" in told(at)["note"]
    assert frame(at) == json.loads(bench.first())
    assert unloaded == [], "the first picture must not wait for torch"
    for i, name in enumerate(ORDER):
        assert told(at)["phase"] == name
        assert at.button(key="snap_step").disabled and at.button(key="snap_ten").disabled
        assert at.button(key="snap_next").disabled == (i == len(ORDER) - 1)
        if i < len(ORDER) - 1:
            press(at, "next")
    assert unloaded == ["warm"], "loading begins once, after the first look"


def test_the_stored_step_is_the_one_that_the_model_takes(loaded: None) -> None:
    computed, stored = json.loads(bench.built(Setup()).told), json.loads(bench.first())
    assert computed.keys() == stored.keys()
    for name, value in stored.items():
        if name in ("colours", "frozen", "kept", "learning", "estimator"):
            assert computed[name] == value, name
        elif name in ("terms", "termsAfter"):
            assert computed[name] == pytest.approx(value, rel=0.02)
        else:
            a, b = (np.array(v["points"] if isinstance(v, dict) else v, dtype=float) for v in (computed[name], value))
            # processors round differently, and forty steps carry that on
            np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02, err_msg=f"{name}: write assets/snap/first.json anew")


def test_the_screen_needs_no_run_and_no_engine(page: Page, engine: FakeEngine, loaded: None) -> None:
    engine.state = Health("failed", "No room.", 0, 0, 0, 0.0)
    at = press(page("snap"), "next", "step")
    assert where(at) == (41, "distances") and told(at)["note"] == ""


def test_next_goes_through_every_phase_into_the_next_step_and_back_restores_them_all(page: Page, loaded: None) -> None:
    at = page("snap")
    seen = [told(at)]
    for _ in range(2 * len(ORDER)):
        press(at, "next")
        seen.append(told(at))
    assert [one["phase"] for one in seen] == [*ORDER, *ORDER, ORDER[0]]
    assert [json.loads(one["frame"])["step"] for one in seen] == [40] * 6 + [41] * 6 + [42]
    first, second = json.loads(seen[0]["frame"]), json.loads(seen[6]["frame"])
    assert second["e"] == first["eAfter"] and second["batch"] == first["batch"] + 1
    for earlier in reversed(seen[:-1]):
        press(at, "back")
        assert told(at) == earlier
    assert at.button(key="snap_back").disabled


def test_whole_steps_keep_the_phase(page: Page, loaded: None) -> None:
    at = page("snap")
    at.segmented_control(key="snap_phase").set_value("gradient").run()
    press(at, "step", "ten")
    assert where(at) == (51, "gradient")
    before = frame(at)
    press(at, "ten", *["step_back"] * 10)
    assert frame(at) == before
    press(at, "reset")
    assert where(at) == (40, "encode") and at.button(key="snap_step_back").disabled


def test_a_frozen_encoder_keeps_its_outputs_and_codes_come_nearer_to_the_means(page: Page, loaded: None) -> None:
    at = page("snap")
    at.toggle(key="snap_frozen").set_value(True).run()
    first = frame(at)
    assert first["frozen"] and first["kept"] and at.toggle(key="snap_kept").value
    press(at, *["ten"] * 8)
    last = frame(at)
    assert last["z"] == first["z"] == last["zAfter"]
    assert last["terms"]["codebook"] < 0.3 * first["terms"]["codebook"]
    at.toggle(key="snap_frozen").set_value(False).run()
    assert not frame(at)["kept"] and frame(at)["zAfter"] != frame(at)["z"]


def test_settings_hold_from_this_step_on_and_going_back_restores_the_switches(page: Page, loaded: None) -> None:
    at = press(page("snap"), "step")
    before = frame(at)
    press(at, "step")
    at.segmented_control(key="snap_learning").set_value("ema").run()
    at.segmented_control(key="snap_estimator").set_value("rotation").run()
    at.slider(key="snap_beta").set_value(1.0).run()
    now = frame(at)
    assert (now["learning"], now["estimator"], now["beta"], now["step"]) == ("ema", "rotation", 1.0, 42)
    assert not np.any(now["atCodes"]) and now["passed"] != now["atZq"]
    press(at, "step_back")
    assert frame(at) == before
    assert at.segmented_control(key="snap_learning").value == "gradient" and at.slider(key="snap_beta").value == 0.25


@pytest.mark.parametrize(("data", "K"), [("digits", 16), ("rings", 8)])
def test_another_model_starts_anew_with_pictures_or_points(page: Page, loaded: None, data: str, K: int) -> None:
    at = press(page("snap"), "next", "step")
    at.segmented_control(key="snap_learning").set_value("ema").run()
    at.select_slider(key="snap_lr").set_value(0.05).run()
    at.segmented_control(key="snap_new_data_0").set_value(data)
    at.segmented_control(key="snap_new_start_0").set_value("new")
    at.slider(key="snap_new_K_0").set_value(K)
    press(at, "anew")
    now = frame(at)
    assert where(at) == (0, "encode") and len(now["e"]) == K == len(now["colours"])
    assert now["learning"] == "ema", "what was chosen on the way stays"
    assert now["lr"] == (0.01 if data == "digits" else 0.05)
    assert ("sprite" in now["x"]) == (data == "digits") and ("points" in now["decoded"]) == (data == "rings")
    press(at, "next")
    assert told(at)["phase"] == "distances"


def test_a_visit_to_another_page_changes_nothing(page: Page, loaded: None) -> None:
    at = page("snap")
    at.toggle(key="snap_frozen").set_value(True).run()
    at.segmented_control(key="snap_learning").set_value("ema").run()
    press(at, "step", "next", "next")
    before = told(at)
    at.switch_page("runs.py").run()
    at.switch_page("snap.py").run()
    assert told(at) == before and before["phase"] == "argmin"
    assert at.toggle(key="snap_frozen").value and at.segmented_control(key="snap_learning").value == "ema"
    assert frame(press(at, "step"))["frozen"]


def test_codes_keep_their_colours_while_they_move(page: Page, loaded: None) -> None:
    at = page("snap")
    colours = frame(at)["colours"]
    assert len(set(colours)) == 12
    assert frame(press(at, "ten", "ten"))["colours"] == colours


def test_a_model_that_cannot_be_loaded_is_said_and_tried_again(page: Page, unloaded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "problem", lambda: "PyTorch could not be loaded.")
    at = page("snap")
    assert not at.exception and "could not be loaded" in at.error[0].value
    assert "could not be loaded" in json.loads(at.get("bidi_component")[0].proto.json)["note"]
    press(at, "again")
    assert unloaded == ["warm"]


def test_a_failing_import_is_kept_as_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ImportError("no libtorch")

    monkeypatch.setattr(models, "_build", broken)
    monkeypatch.setattr(models, "_ready", type(models._ready)())
    monkeypatch.setattr(models, "_problem", "")
    monkeypatch.setattr(models, "_loader", None)
    models.warm()
    assert models._loader is not None
    models._loader.join(60)
    assert not models.ready() and "doctor" in models.problem() and "libtorch" not in models.problem()


@pytest.mark.parametrize("learning", ["gradient", "ema"])
@pytest.mark.parametrize("estimator", ["straight_through", "rotation"])
@pytest.mark.parametrize("phase", ORDER)
def test_every_phase_shows_lines_that_are_in_the_source(phase: str, estimator: Any, learning: Any) -> None:
    shown = places(phase, VQConfig(K=8, D=2, learning=learning, estimator=estimator))
    assert shown
    for place in shown:
        found = line(place)
        text = (bench.ASSETS.parent / found.file).read_text(encoding="utf-8").splitlines()  # type: ignore[attr-defined]
        assert place.text in found.code and text[found.number - 1].strip() == found.code


def test_a_line_that_is_gone_is_noticed() -> None:
    for place in (Place("vqcore.quantizers.vq:VQ.forward", "no such line"), Place("vqcore.quantizers.vq:VQ.gone", "return")):
        with pytest.raises(LookupError):
            line(place)


@pytest.mark.parametrize("data", list(SOURCES))
def test_the_first_step_has_codes_in_use_and_codes_that_are_not(data: str, loaded: None) -> None:
    count = np.array(json.loads(bench.built(Setup(data=data)).told)["count"])
    assert 4 <= (count > 0).sum() < 12 and count.sum() == 24


def test_a_step_is_a_small_message() -> None:
    assert len(bench.first()) < 20_000
