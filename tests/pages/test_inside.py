"""One image through the model, as the page hands it to its component."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.ui.pipeline import LARGEST_CODEBOOK, stages_of
from vqcore.records import BookSnapshot, Gallery
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


def shown(at: AppTest) -> dict[str, Any]:
    return json.loads(json.loads(at.get("bidi_component")[0].proto.json)["shown"])


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def gallery(h: int, w: int, H: int, W: int, C: int = 1, K: int = 4, N: int = 3) -> Gallery:
    random = np.random.default_rng(1)
    index = random.integers(0, K, size=(N, h, w), dtype=np.int32)
    palette = random.integers(0, 255, size=(K, 3), dtype=np.uint8)
    pictures = random.integers(0, 255, size=(N, H, W, C), dtype=np.uint8)
    return Gallery(7, pictures, 255 - pictures, palette[index], palette[index], (index,), np.zeros(N, dtype=np.int64))


def test_no_run_teaches_and_offers_one(page: Page, finished: Finished) -> None:
    at = page("inside")
    assert not at.exception and "one image goes through a model" in at.info[0].value
    folder = finished("Ready", cookie=BOB)
    at = page("inside")
    at.button(key="empty_newest").click().run()
    assert at.session_state["run_id"] == folder.id and shown(at)["cells"]


def test_a_run_without_pictures_says_when_they_come(page: Page, store: RunStore) -> None:
    from vqcore.config.run import RunConfig

    folder = store.create(RunConfig(), name="Waiting")
    at = page("inside", run=folder.id)
    assert not at.exception
    assert "no pictures yet" in at.info[0].value and "as soon as it starts training" in at.info[0].value


def test_it_shows_the_gallery_as_it_is(page: Page, finished: Finished) -> None:
    folder = finished("Others may look", cookie=BOB)
    at = page("inside", run=folder.id)
    assert not at.exception and not at.error
    data, stored = shown(at), folder.gallery(100)
    assert stored is not None
    assert [stage["title"] for stage in data["stages"]] == ["Input", "z_e", "Index", "z_q", "Reconstruction"]
    assert data["cells"] == stored.indices[0][0].tolist()
    np.testing.assert_array_equal(pixels(data["stages"][0]["picture"]), stored.inputs[0][..., 0])
    np.testing.assert_array_equal(pixels(data["stages"][4]["picture"]), stored.reconstructions[0][..., 0])
    assert data["stages"][0]["tile"] == [0.5, 0.5]
    metrics = {metric.label: metric.value for metric in at.metric}
    assert metrics["Bits of this image"] == "12"  # 4 cells, 8 codes
    assert metrics["Bits of its pixels"] == "512"


def test_next_previous_and_random_turn_the_images(page: Page, finished: Finished) -> None:
    folder = finished(cookie=ADA)
    stored = folder.gallery(100)
    assert stored is not None
    at = page("inside", run=folder.id)
    at.button(key="inside_next").click().run()
    assert shown(at)["cells"] == stored.indices[0][1].tolist()
    at.button(key="inside_previous").click().run()
    at.button(key="inside_previous").click().run()
    assert shown(at)["cells"] == stored.indices[0][4].tolist(), "before the first comes the last"
    for _ in range(5):
        before = at.session_state["inside_image"] % 5
        at.button(key="inside_random").click().run()
        assert at.session_state["inside_image"] % 5 != before
    assert not at.exception


def test_an_earlier_evaluation_can_be_looked_at(page: Page, finished: Finished) -> None:
    folder = finished()
    early = folder.gallery(50)
    assert early is not None
    at = page("inside", run=folder.id)
    at.select_slider(key="inside_step").set_value(50).run()
    assert shown(at)["cells"] == early.indices[0][0].tolist()
    at.run()
    assert at.select_slider(key="inside_step").value == 50


def test_a_gallery_without_its_snapshot_still_shows_the_image(page: Page, finished: Finished) -> None:
    folder = finished()
    (folder.path / "snapshots" / "100.npz").unlink()
    at = page("inside", run=folder.id)
    assert not at.exception and shown(at)["codes"] == {}


def test_a_damaged_gallery_is_said(page: Page, finished: Finished) -> None:
    folder = finished()
    (folder.path / "gallery" / "100.npz").write_bytes(b"PK torn")
    at = page("inside", run=folder.id)
    assert not at.exception
    assert "damaged" in at.error[0].value


def test_points_say_so_and_are_drawn_in_their_plane(page: Page, finished: Finished) -> None:
    folder = finished(points=True)
    at = page("inside", run=folder.id)
    assert not at.exception and not at.error
    assert "points, not pictures" in at.info[0].value
    assert len(at.get("bidi_component")) == 1


@pytest.mark.parametrize(("H", "W", "cell", "h", "w"), [(28, 28, 4, 7, 7), (28, 28, 8, 4, 4), (30, 17, 8, 4, 3), (8, 8, None, 1, 1)])
def test_tiles_cover_the_picture_even_where_it_was_padded(H: int, W: int, cell: int | None, h: int, w: int) -> None:
    data = stages_of(gallery(h, w, H, W), 0, cell=cell, book=None)
    high, wide = data["stages"][0]["tile"]
    assert (high * H, wide * W) == ((cell, cell) if cell else (H, W))
    assert h * high >= 1 and (h - 1) * high < 1 and w * wide >= 1 and (w - 1) * wide < 1
    assert data["stages"][3]["tile"] == (1 / h, 1 / w)
    json.dumps(data, allow_nan=False)


def test_use_and_nearest_codes_come_from_the_snapshot() -> None:
    codes = np.array([[0, 0], [1, 0], [10, 0], [0, 3]], dtype=np.float16)
    book = BookSnapshot(
        "codes", codes, np.zeros(4, dtype=np.int64), np.array([1, 6, 0, 3]), np.array([0, 1234, -1, 5]), np.ones(4, dtype=np.float32)
    )
    shot = gallery(2, 2, 8, 8, C=3)
    shot.indices[0][0] = [[0, 1], [2, 3]]
    found = stages_of(shot, 0, cell=4, book=book)["codes"]
    assert [entry["index"] for entry in found["0"]["near"]] == [1, 3, 2]
    assert found["0"]["near"][0]["distance"] == "1"
    assert "60.0 %" in found["1"]["use"] and "rank 1 of 4" in found["1"]["use"] and "1,234 steps ago" in found["1"]["use"]
    assert "0.0 %" in found["2"]["use"] and "never" in found["2"]["use"]


def test_a_code_has_one_colour_everywhere() -> None:
    shot = gallery(2, 2, 8, 8)
    book = BookSnapshot(
        "codes",
        np.eye(4, dtype=np.float16),
        np.ones(4, dtype=np.int64),
        np.ones(4, dtype=np.int64),
        np.zeros(4, dtype=np.int64),
        np.ones(4),
    )
    drawn = {}
    for image in range(3):
        data = stages_of(shot, image, cell=4, book=book)
        for row, colours in zip(data["cells"], data["colours"], strict=True):
            for index, colour in zip(row, colours, strict=True):
                assert drawn.setdefault(index, colour) == colour
        for entry in data["codes"].values():
            for other in entry["near"]:
                if other["index"] in drawn:
                    assert other["colour"] == drawn[other["index"]]


def test_a_huge_codebook_does_not_hold_up_the_page() -> None:
    K = LARGEST_CODEBOOK // 64 + 1
    book = BookSnapshot(
        "codes",
        np.zeros((K, 64), dtype=np.float16),
        np.ones(K, dtype=np.int64),
        np.ones(K, dtype=np.int64),
        np.zeros(K, dtype=np.int64),
        np.ones(K, dtype=np.float32),
    )
    found = stages_of(gallery(2, 2, 8, 8), 0, cell=4, book=book)["codes"]
    assert all(entry["near"] == [] for entry in found.values())
