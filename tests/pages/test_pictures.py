"""Contact sheets: what is drawn is what was given, pixel by pixel."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from pages.ui.pictures import data_uri, gallery_rows, side_by_side, strip
from vqcore.records import Gallery


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3), (4, 5, 4)])
def test_a_picture_arrives_as_it_was(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    assert (pixels(data_uri(picture)) == picture.reshape(picture.shape if shape[-1] != 1 else (4, 5))).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_stand_side_by_side_with_clear_room_between(channels: int) -> None:
    tiles = np.random.default_rng(0).integers(0, 255, (3, 8, 8, channels), dtype=np.uint8)
    row = side_by_side(tiles)
    assert row.shape == (8, 3 * 8 + 2, 4)
    for i in range(3):
        assert (row[:, i * 9 : i * 9 + 8, :3] == tiles[i]).all()
    assert (row[:, 8, 3] == 0).all() and (row[:, 9, 3] == 255).all()


def test_a_grid_is_enlarged_to_whole_blocks() -> None:
    grid = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    row = side_by_side(grid, (8, 8))
    for i in range(2):
        for j in range(2):
            block = row[4 * i : 4 * i + 4, 4 * j : 4 * j + 4, :3]
            assert (block == grid[0, i, j]).all()


@pytest.mark.parametrize(("h", "w"), [(1, 1), (3, 3), (7, 7)])
def test_rows_of_different_grids_line_up(h: int, w: int) -> None:
    inputs = np.zeros((5, 28, 28, 1), dtype=np.uint8)
    index = np.zeros((5, h, w) if h > 1 else (5,), dtype=np.int32)
    colours = np.zeros((5, h, w, 3), dtype=np.uint8)
    gallery = Gallery(40, inputs, inputs, colours, colours, (index,), np.zeros(0, dtype=np.int64))
    html = gallery_rows(gallery, [0, 3, 4])
    assert html.count("<img") == 3
    assert len(set(re.findall(r'width="(\d+)" height="(\d+)"', html))) == 1
    assert all(alt for alt in re.findall(r'alt="([^"]*)"', html))


def test_a_model_without_codes_has_no_row_of_codes() -> None:
    inputs = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    gallery = Gallery(0, inputs, inputs, inputs, inputs, (), np.zeros(0, dtype=np.int64))
    assert gallery_rows(gallery, [0, 1]).count("<img") == 2


def test_points_are_no_pictures() -> None:
    points = np.zeros((2, 2), dtype=np.float32)
    colours = np.zeros((2, 1, 1, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="pictures"):
        gallery_rows(Gallery(0, points, points, colours, colours, (), np.zeros(0, dtype=np.int64)), [0])


def test_titles_and_alt_texts_are_escaped() -> None:
    html = strip("<b>", np.zeros((2, 2, 4), dtype=np.uint8), '"><script>')
    assert "<b>" not in html and "<script>" not in html
