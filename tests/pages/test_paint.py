"""Paint as the server sees it: what the canvas is sent, the answers to what it tells, and whatever is done to the grid as a whole."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.ui import models, session
from pages.ui.paint.canvas import ARRANGEMENTS
from pages.ui.paint.source import source
from pages.ui.paint.state import CANVAS, packed
from tests.pages.conftest import ADA, BOB
from vqcore.config.prior import HistogramConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.grids import GridStore, SavedGrid, to_document, to_token
from vqcore.runs.store import RunStore
from vqcore.snippets.snippet import ROOT

LETTERS = "20261123-150745-7a44"
CONFIG = RunConfig().edited(
    {
        "model.quantizer.K": 8,
        "model.quantizer.D": 4,
        "model.quantizer.init": "data",
        "model.downsampling": 2,
        "model.hidden": 8,
        "train.steps": 4,
        "train.threads": 1,
        "train.device": "cpu",
        "train.evaluate_every": 4,
        "train.evaluation_images": 64,
    }
)
Page = Callable[..., AppTest]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and a prior over its codes, trained for a moment. Tests copy them."""
    home = tmp_path_factory.mktemp("painted")
    store = RunStore(home)
    run = store.create(CONFIG, name="Digits")
    worker.run(run, "cli")
    prior = store.create_prior(run, HistogramConfig(per_position=False), TrainConfig(steps=1, threads=1, device="cpu"), name="Guess")
    worker.run(prior, "cli")
    return home


@pytest.fixture
def run(trained: Path, store: RunStore) -> RunFolder:
    shutil.copytree(trained, store.root, dirs_exist_ok=True)
    models.warm()
    models._loader and models._loader.join()  # type: ignore[func-returns-value]
    return next(store.get(entry.id) for entry in store.list() if entry.kind == "model")


@pytest.fixture
def prior(run: RunFolder, store: RunStore) -> RunFolder:
    return next(store.get(entry.id) for entry in store.list() if entry.kind == "prior")


def sent(at: AppTest) -> dict[str, Any]:
    """What the canvas was sent last."""
    assert not at.exception
    element = next(element for element in at.get("bidi_component") if element.proto.component_name.endswith("vq_paint"))
    message: dict[str, Any] = json.loads(element.proto.json)
    return message


def tell(at: AppTest, run: RunFolder, codes: np.ndarray, **more: Any) -> AppTest:
    """As the canvas does after a stroke."""
    told = {"of": run.id, "seq": 1, "grid": packed(codes), "want": [packed(codes)], "image": "", "stroke": False, "scored": False}
    at.session_state[CANVAS] = {"told": told | {"chosen": [], "has": [], "token": 0} | more}
    return at.run()


def pixels(message: dict[str, Any], codes: np.ndarray) -> bytes:
    return base64.b64decode(message["pictures"][packed(codes)])


def canvas_of(at: AppTest) -> list[int]:
    """The whole grid that was put on the canvas last."""
    return np.frombuffer(base64.b64decode(sent(at)["push"]["grid"]), dtype="<u2").tolist()


def test_it_opens_on_an_image_with_its_codes(page: Page, run: RunFolder) -> None:
    message = sent(page("paint", run=run.id))
    gallery = run.gallery()
    assert gallery is not None
    start = json.loads(message["blobs"][message["start"]])
    first = gallery.indices[0][0].ravel()
    assert start["grid"] == packed(first)
    assert base64.b64decode(start["original"]) == gallery.inputs[0].tobytes()
    assert pixels(message, first) == models.painter(run).decode(first).tobytes()
    model = json.loads(message["blobs"][message["model"]])
    assert [model["books"][0][name] for name in ("K", "shape", "start")] == [8, [4, 4], 0]
    assert len(model["reach"]) == 16
    assert message["push"] is None and message["problem"] == ""


def test_a_stroke_is_answered_with_its_picture_and_nothing_twice(page: Page, run: RunFolder) -> None:
    at = page("paint", run=run.id)
    codes = np.arange(16) % 8
    first = sent(at)
    at = tell(at, run, codes, has=[first["model"], first["gallery"], first["start"]], seq=7)
    message = sent(at)
    assert pixels(message, codes) == models.painter(run).decode(codes).tobytes()
    assert (message["answered"], message["blobs"]) == (7, {})
    assert list(message["pictures"]) == [packed(codes)]


@pytest.mark.parametrize(
    "told",
    [
        {"grid": packed(np.full(16, 8))},
        {"grid": packed(np.zeros(15, dtype=int))},
        {"grid": "no grid"},
        {"grid": None},
        {"chosen": "x"},
        {"want": [packed(np.full(16, 9))]},
    ],
)
def test_a_browser_that_lies_is_answered_in_words(page: Page, run: RunFolder, told: dict[str, Any]) -> None:
    at = tell(page("paint", run=run.id), run, np.zeros(16, dtype=int), **told)
    message = sent(at)
    assert message["problem"]
    assert message["blobs"] or message["answered"] == 1


def test_a_click_on_an_image_lays_it_down_once(page: Page, run: RunFolder) -> None:
    at = page("paint", run=run.id)
    at = tell(at, run, np.zeros(16, dtype=int), ask={"image": 3, "n": 1})
    gallery = run.gallery()
    assert gallery is not None
    assert canvas_of(at) == gallery.indices[0][3].ravel().tolist()
    token = sent(at)["push"]["token"]
    assert sent(at.run())["push"]["token"] == token


def test_whole_grids_are_changed_and_sent(page: Page, run: RunFolder) -> None:
    at = page("paint", run=run.id)
    codes = np.arange(16) % 8
    at = tell(at, run, codes)
    rolled = {"Shift left": (0, -1), "Shift right": (0, 1), "Shift up": (-1, 0), "Shift down": (1, 0)}
    for i, (label, _) in enumerate(ARRANGEMENTS):
        at = tell(at, run, codes, seq=i + 1, token=i, ask={"arrange": i, "book": 0, "n": i + 1})
        if label in rolled:
            assert canvas_of(at) == np.roll(codes.reshape(4, 4), rolled[label], axis=(0, 1)).ravel().tolist()
        else:
            assert sorted(canvas_of(at)) == sorted(codes.tolist()) and label == "Shuffle"
        assert canvas_of(at.run()) == canvas_of(at), "a press is answered once"
    at = tell(at, run, codes, seq=9, token=9, ask={"arrange": 99, "book": 0, "n": 9})
    assert sent(at)["problem"] == ""
    at.text_input(key="paint_whole_old").set_value("3")
    at.text_input(key="paint_whole_new").set_value("5").run()
    at.button(key="paint_whole_replace").click().run()
    assert 3 not in canvas_of(at) and canvas_of(at).count(5) == 4
    assert sent(at)["push"]["label"] == "Replace"


def test_the_palette_begins_with_codes_that_draw_something(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the first stroke of the brush, which holds the first of them, cannot erase the picture."""
    monkeypatch.setattr(session, "DEMO", ROOT / "assets" / "demo")
    at = page("paint", run=LETTERS)
    message = sent(at)
    (book,) = json.loads(message["blobs"][message["model"]])["books"]
    sheet = book["sheet"]
    tiles = np.asarray(Image.open(io.BytesIO(base64.b64decode(sheet["picture"].partition(",")[2]))).convert("L"), dtype=float)
    height, width = sheet["tile"]
    bright = {}
    for i, code in enumerate(sheet["codes"]):
        top, left = i // sheet["columns"] * height, i % sheet["columns"] * width
        bright[code] = tiles[top : top + height, left : left + width].mean() / 255
    for order in book["orders"].values():
        assert sorted(order) == list(range(64)), "every code is there"
        visible = [bright[code] >= 0.1 for code in order]
        assert visible == sorted(visible, reverse=True) and sum(visible) > 16
    usage = np.array(book["usage"])
    first = [code for code in book["orders"]["usage"] if bright[code] >= 0.1]
    assert usage[first].tolist() == sorted(usage[first], reverse=True), "and of those the most used first"


def test_saving_once_more_after_enter_is_no_error(page: Page, run: RunFolder) -> None:
    at = page("paint", run=run.id)
    at = tell(at, run, np.arange(16) % 8)
    at.session_state["paint_below"] = "Save and share"
    at.run()
    next(button for button in at.button if button.label == "Save").click().run()
    assert any("Type a name first" in info.value for info in at.info) and not at.error
    at.text_input[0].set_value("mine")
    next(button for button in at.button if button.label == "Save").click().run()
    at.text_input[0].set_value("")
    next(button for button in at.button if button.label == "Save").click().run()
    assert any("Already saved: “mine”" in info.value for info in at.info) and not at.error
    assert at.button(key="paint_keep_make") and at.file_uploader, "what stands below stays"


def test_a_link_brings_the_grid_back(page: Page, run: RunFolder, store: RunStore) -> None:
    at = page("paint", run=run.id)
    codes = np.arange(16)[::-1] % 8
    at = tell(at, run, codes)
    at.session_state["paint_below"] = "Save and share"
    at.run()
    at.button(key="paint_keep_make").click().run()
    address = at.session_state["paint_keep_made"]
    assert f"run={run.id}&grid=" in address
    other = AppTest.from_file(str(Path("pages/main.py").resolve()), default_timeout=60)
    other.session_state["guest"] = BOB
    other.query_params["run"], other.query_params["grid"] = run.id, address.rpartition("=")[2]
    other.switch_page("paint.py").run()
    assert canvas_of(other) == codes.tolist()
    assert not other.error


@pytest.mark.parametrize(("codes", "reason"), [(np.zeros(4, dtype=int), "4 codes"), (np.full(16, 9), "Code 9")])
def test_a_link_that_does_not_fit_is_refused_in_words(page: Page, run: RunFolder, codes: np.ndarray, reason: str) -> None:
    at = AppTest.from_file(str(Path("pages/main.py").resolve()), default_timeout=60)
    at.session_state["guest"] = ADA
    at.query_params["run"], at.query_params["grid"] = run.id, to_token(codes, "0123456789ab")
    at.switch_page("paint.py").run()
    assert any(reason in error.value for error in at.error)
    assert sent(at)["push"] is None


def test_grids_are_saved_loaded_and_deleted_by_their_owner_alone(page: Page, run: RunFolder, store: RunStore) -> None:
    at = page("paint", run=run.id)
    codes = np.arange(16) % 8
    at = tell(at, run, codes)
    at.session_state["paint_below"] = "Save and share"
    at.run()
    at.text_input[0].set_value("a <b>bold</b> one")
    next(button for button in at.button if button.label == "Save").click().run()
    layout = source(run).layout
    (saved,) = GridStore(store.root).list(run.id, layout)
    assert (saved.name, saved.codes.tolist(), saved.owner) == ("a <b>bold</b> one", codes.tolist(), session.owner_hash(ADA))
    at = tell(at, run, codes * 0)
    at.button(key="paint_keep_load").click().run()
    assert canvas_of(at) == codes.tolist()
    foreign = page("paint", cookie=BOB, run=run.id)
    foreign.session_state["paint_below"] = "Save and share"
    foreign.run()
    assert foreign.button(key="paint_keep_delete").disabled
    at.button(key="paint_keep_delete").click().run()
    assert GridStore(store.root).list(run.id, layout) == []


def test_a_prior_says_how_surprising_each_cell_is(page: Page, run: RunFolder, prior: RunFolder) -> None:
    at = page("paint", run=run.id)
    codes = np.zeros(16, dtype=int)
    message = sent(tell(at, run, codes))
    bits = np.frombuffer(base64.b64decode(message["bits"][packed(codes)]), dtype="<f4")
    held = prior.codes()
    assert held is not None
    counts = np.bincount(held.train.ravel(), minlength=8) + 0.5
    assert bits == pytest.approx(np.full(16, -np.log2(counts[0] / counts.sum())), rel=1e-3)
    assert sent(tell(at, run, codes, seq=2, scored=True))["bits"] == {}


def test_chosen_cells_are_drawn_again_and_the_others_stay(page: Page, run: RunFolder, prior: RunFolder) -> None:
    at = page("paint", run=run.id)
    at.session_state["paint_below"] = "Prior"
    codes = np.arange(16) % 8
    at = tell(at, run, codes)
    at.button(key="paint_prior_draw").click().run()
    assert any("No cell is chosen" in warning.value for warning in at.warning)
    at = tell(at, run, codes, chosen=[2, 5], seq=2)
    at.button(key="paint_prior_draw").click().run()
    fixed = [i for i in range(16) if i not in (2, 5)]
    assert [canvas_of(at)[i] for i in fixed] == codes[fixed].tolist()
    assert sent(at)["push"]["label"] == "2 cells after 5 Gibbs sweeps"
    at = tell(at, run, codes, chosen=list(range(9, 16)), seq=3, token=1)
    at.button(key="paint_prior_draw").click().run()
    assert sent(at)["push"]["label"] == "7 cells drawn in raster order"
    assert canvas_of(at)[:9] == codes[:9].tolist()


def test_a_prior_whose_parent_was_deleted_is_painted_with_its_own_copy(
    page: Page, run: RunFolder, prior: RunFolder, store: RunStore
) -> None:
    expected = models.painter(run).decode(np.zeros(16, dtype=int)).tobytes()
    shutil.rmtree(run.path)
    at = page("paint", run=prior.id)
    assert any("parent was deleted" in info.value for info in at.info)
    codes = np.zeros(16, dtype=int)
    message = sent(tell(at, prior, codes))
    assert pixels(message, codes) == expected
    assert message["bits"]


def test_an_open_prior_paints_with_its_parent(page: Page, run: RunFolder, prior: RunFolder) -> None:
    assert sent(page("paint", run=prior.id))["of"] == run.id


def test_what_cannot_be_painted_says_why(page: Page, finished: Callable[..., RunFolder]) -> None:
    at = page("paint", run=finished("Rings", points=True).id)
    assert any("Paint needs pictures, and this run's data are points" in info.value for info in at.info)
    at = page("paint", run=finished("No checkpoint").id)
    assert any("no checkpoint yet" in info.value for info in at.info)
    assert not at.exception


def test_without_any_run_it_says_what_it_would_show(page: Page) -> None:
    at = page("paint")
    assert any("index grid lies on the table" in info.value for info in at.info)


def test_a_file_of_another_run_is_refused_and_nothing_is_lost(page: Page, run: RunFolder) -> None:
    at = page("paint", run=run.id)
    codes = np.arange(16) % 8
    at = tell(at, run, codes)
    at.session_state["paint_below"] = "Save and share"
    at.run()
    layout = source(run).layout
    foreign = to_document(SavedGrid(codes, "another-run", "0123456789ab"), layout)
    at.file_uploader[0].upload("grid.json", foreign.encode(), "application/json").run()
    assert any("belongs to run" in error.value for error in at.error)
    assert sent(at)["push"] is None
    own = to_document(SavedGrid(codes[::-1], run.id, "0123456789ab"), layout)
    at.file_uploader[0].upload("grid.json", own.encode(), "application/json").run()
    assert canvas_of(at) == codes[::-1].tolist()
    assert not at.error


def test_before_the_model_is_loaded_stored_pictures_are_shown(page: Page, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    warmed: list[int] = []
    monkeypatch.setattr(models, "ready", lambda: False)
    monkeypatch.setattr(models, "warm", lambda: warmed.append(1))
    at = page("paint", run=run.id)
    message = sent(at)
    gallery = run.gallery()
    assert gallery is not None
    assert pixels(message, gallery.indices[0][0].ravel()) == gallery.reconstructions[0].tobytes()
    assert not message["ready"] and warmed == []
    at.run()
    assert warmed == [1]
