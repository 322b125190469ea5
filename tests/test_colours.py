from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from vqcore.colours import DEAD, CodeColours


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """WCAG relative luminance."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.2126, 0.7152, 0.0722])


def deuteranopic(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """As eyes without green cones see it, in linear light (Machado, Oliveira and Fernandes 2009, severity 1)."""
    c = rgb / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
    return np.asarray((linear @ matrix.T).clip(0, 1) ** (1 / 2.2))


def random_book(K: int, D: int, seed: int = 0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(K, D)) * np.geomspace(1, 0.1, D)


def chroma(rgb: NDArray[np.uint8]) -> NDArray[np.int64]:
    return rgb.astype(int).max(axis=-1) - rgb.astype(int).min(axis=-1)


@pytest.mark.parametrize(("K", "D"), [(128, 16), (32, 4), (512, 64), (16, 2), (8, 1), (2, 3), (2, 1), (3, 500)])
def test_colours_stand_out_on_light_and_dark_and_never_look_dead(K: int, D: int) -> None:
    colours = CodeColours.fit(random_book(K, D))
    assert colours.codes.shape == (K, 3)
    assert colours.codes.dtype == np.uint8
    light = luminance(colours.codes)
    assert ((1.05) / (light + 0.05) >= 2.2).all()  # on white
    assert ((light + 0.05) / (0.0055 + 0.05) >= 2.4).all()  # on #0e1117
    assert (chroma(colours.codes) >= 20).all()
    assert len(np.unique(colours.codes, axis=0)) >= 0.9 * K


@pytest.mark.parametrize("D", [1, 2, 3, 16])
def test_codes_far_apart_are_told_apart(D: int) -> None:
    colours = CodeColours.fit(random_book(256, D) * 0.3)
    # eyes with two kinds of cones see two dimensions: the first two components
    for components, see in ((3, lambda rgb: rgb / 255), (2, deuteranopic)):
        ends = np.eye(D)[:components] * 2
        seen = see(colours.of(np.concatenate([ends, -ends])))
        distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
        assert distances[np.triu_indices(len(seen), 1)].min() > 0.15


def test_like_codes_look_alike() -> None:
    book = random_book(256, 16)
    near = book + np.random.default_rng(1).normal(size=book.shape) * 0.02
    colours = CodeColours.fit(book)
    moved = np.abs(colours.of(near).astype(int) - colours.codes).max(axis=1)
    assert np.median(moved) <= 10
    nearest = np.linalg.norm(book[:, None] - book[None], axis=-1)
    apart = np.linalg.norm(colours.codes[:, None].astype(float) - colours.codes[None], axis=-1)
    off = ~np.eye(len(book), dtype=bool)
    assert np.corrcoef(nearest[off], apart[off])[0, 1] > 0.5


def test_vectors_are_coloured_like_their_codes() -> None:
    book = random_book(64, 8).astype(np.float32)
    colours = CodeColours.fit(book)
    indices = np.random.default_rng(0).integers(0, 64, size=(4, 7, 7))
    assert (colours.of(book[indices]) == colours.codes[indices]).all()
    assert colours.of(book[3]).shape == (3,)
    assert colours.of(np.zeros((0, 8))).shape == (0, 3)


def test_dead_codes_are_grey_and_do_not_count() -> None:
    book = random_book(64, 8)
    used = np.arange(64) % 3 > 0
    far = np.where(used[:, None], book, 1000 * book)
    colours = CodeColours.fit(far, used)
    assert (colours.codes[~used] == DEAD).all()
    assert (chroma(colours.codes[used]) >= 20).all()
    assert (colours.codes[used] == CodeColours.fit(book, used).codes[used]).all()


@pytest.mark.parametrize("used", [np.zeros(8, dtype=bool), np.arange(8) == 3])
def test_hardly_any_code_in_use(used: NDArray[np.bool_]) -> None:
    colours = CodeColours.fit(random_book(8, 4), used)
    assert (colours.codes[~used] == DEAD).all()
    assert (chroma(colours.codes[used]) >= 20).all()


def test_the_same_codebook_gives_the_same_colours_whatever_its_sign_was() -> None:
    book = random_book(64, 8)
    assert (CodeColours.fit(book).codes == CodeColours.fit(book.copy()).codes).all()
    order = np.random.default_rng(0).permutation(64)
    apart = np.abs(CodeColours.fit(book[order]).codes.astype(int) - CodeColours.fit(book).codes[order])
    assert apart.max() <= 1
    # training moves codes a little, and float16 rounds them: colours do not jump
    close = CodeColours.fit(book.astype(np.float16)).codes.astype(int)
    assert np.abs(close - CodeColours.fit(book).codes).max() <= 4


@settings(deadline=None, max_examples=150)
@given(
    book=hnp.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.tuples(st.integers(1, 9), st.integers(1, 6)),
        elements={"allow_nan": True, "allow_infinity": True},
    ),
    data=st.data(),
)
def test_any_codebook_has_colours(book: NDArray[Any], data: st.DataObject) -> None:
    used = data.draw(hnp.arrays(bool, len(book)))
    colours = CodeColours.fit(book, used)
    finite = np.isfinite(book).all(axis=1)
    assert colours.codes.shape == (len(book), 3)
    assert (colours.codes[~(used & finite)] == DEAD).all()
    assert (colours.of(book)[~finite] == DEAD).all()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -7e10, 3e-20])
def test_repeated_rows_share_a_colour_that_is_not_grey(value: float) -> None:
    colours = CodeColours.fit(np.full((5, 3), value))
    assert colours.rank == 0
    assert len(np.unique(colours.codes, axis=0)) == 1
    assert (chroma(colours.codes) >= 20).all()


def test_codes_on_a_line_run_from_dark_blue_to_light_yellow() -> None:
    colours = CodeColours.fit(np.linspace(-1, 1, 9)[:, None])
    light = luminance(colours.codes)
    assert (np.diff(light) > 0).all()
    assert colours.codes[0, 2] > colours.codes[0, 0]
    assert colours.codes[-1, 0] > colours.codes[-1, 2]


def test_wrong_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"shape \(K, D\), not \(3,\)"):
        CodeColours.fit(np.zeros(3))
    with pytest.raises(ValueError, match="vectors of 4 numbers are needed, not of 5"):
        CodeColours.fit(np.zeros((3, 4))).of(np.zeros((2, 5)))


def test_a_gallery_is_coloured_quickly_and_a_large_book_in_time() -> None:
    colours = CodeColours.fit(random_book(512, 64))
    z = np.random.default_rng(0).normal(size=(64, 7, 7, 64)).astype(np.float32)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        colours.of(z)
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.25  # 2 ms alone on a core
    assert CodeColours.fit(random_book(20_000, 8)).codes.shape == (20_000, 3)
