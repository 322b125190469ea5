"""The plane on which codes are drawn: the true one where there is one, else the one that shows most."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqcore.film import film_of
from vqcore.plots.projection import Basis
from vqcore.records import BookSnapshot


def cloud(V: int = 400, D: int = 6, seed: int = 0) -> np.ndarray:
    """Outputs with spreads 5, 3, 1, 1, … along random directions."""
    random = np.random.default_rng(seed)
    spread = np.array([5.0, 3.0, *([1.0] * (D - 2))])
    rotation, _ = np.linalg.qr(random.normal(size=(D, D)))
    return random.normal(size=(V, D)) * spread @ rotation + 2


def test_two_dimensions_are_drawn_as_they_are() -> None:
    z = np.random.default_rng(0).normal(size=(3, 10, 2))
    basis = Basis.fit(z)
    assert basis.exact
    assert np.allclose(basis.of(z), z)
    assert basis.titles == ("dimension 1", "dimension 2")
    assert "nothing is left out" in basis.note
    assert sum(basis.share) == pytest.approx(1)


def test_one_dimension_is_a_line_in_the_plane() -> None:
    z = np.array([[1.0], [3.0]])
    basis = Basis.fit(z)
    assert basis.of(z).tolist() == [[1, 0], [3, 0]]
    assert basis.titles[1] == ""
    assert basis.share == (1, 0)


def test_more_dimensions_show_their_principal_components() -> None:
    z = cloud()
    basis = Basis.fit(z)
    centred = z - z.mean(axis=0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    for i in range(2):
        assert abs(basis.axes[:, i] @ directions[i]) == pytest.approx(1)
        assert basis.share[i] == pytest.approx(values[i] ** 2 / (values**2).sum())
    assert basis.titles[0] == f"first component ({100 * basis.share[0]:.0f} % of the variance)"
    assert f"{100 * sum(basis.share):.0f} %" in basis.note
    assert not basis.exact


def test_the_same_outputs_give_the_same_plane_and_the_same_signs() -> None:
    z = cloud()
    one, other = Basis.fit(z), Basis.fit(z.copy())
    assert (one.axes == other.axes).all()
    for axis in one.axes.T:
        assert axis[np.abs(axis).argmax()] > 0
    mirrored = Basis.fit(-z)
    assert np.allclose(mirrored.axes, one.axes)


@given(st.integers(3, 9), st.integers(0, 50))
def test_a_shadow_is_never_longer_than_what_casts_it(D: int, seed: int) -> None:
    z = cloud(60, D, seed)
    placed = Basis.fit(z).of(z).astype(np.float64)
    apart = np.linalg.norm(z[:-1] - z[1:], axis=1)
    assert (np.linalg.norm(placed[:-1] - placed[1:], axis=1) <= apart * (1 + 1e-5) + 1e-5).all()


def test_dead_codes_that_lie_away_are_drawn_away() -> None:
    # away along the direction in which outputs spread least, which their components alone would hide
    z = np.random.default_rng(0).normal(size=(400, 6)) * [5, 3, 1, 1, 1, 0.1]
    codes = z[:8].copy()
    dead = np.zeros(8, dtype=bool)
    hidden = Basis.fit(z, codes, dead)
    codes[4:] = [0, 0, 0, 0, 0, 30]
    dead[4:] = True
    basis = Basis.fit(z, codes, dead)
    outputs, gone = basis.of(z), basis.of(codes[4:])
    assert np.linalg.norm(gone - outputs.mean(axis=0), axis=1).min() > 1.5 * np.linalg.norm(outputs - outputs.mean(axis=0), axis=1).max()
    assert np.abs(hidden.of(codes[4:])).max() < 1, "without them the plane does not look that way"
    assert basis.share[0] + basis.share[1] <= 1


def test_what_is_not_finite_is_left_out_and_arrives_as_such() -> None:
    z = cloud()
    broken = z.copy()
    broken[3, 1] = np.nan
    broken[5, 0] = np.inf
    basis = Basis.fit(broken)
    assert np.isfinite(basis.axes).all()
    assert np.isnan(basis.of(broken)[[3, 5]]).all()
    assert np.isfinite(np.delete(basis.of(broken), [3, 5], axis=0)).all()
    nothing = Basis.fit(np.full((4, 5), np.nan))
    assert np.isfinite(nothing.of(np.ones((2, 5)))).all()


def test_without_outputs_codes_make_the_plane() -> None:
    codes = cloud(20, 5)
    basis = Basis.fit(np.zeros((1, 0, 5)), codes)
    assert np.allclose(basis.axes, Basis.fit(codes).axes)


@pytest.mark.parametrize("rows", [np.ones((5, 4)), np.ones((1, 4))])
def test_outputs_in_one_place_have_no_directions_of_their_own(rows: np.ndarray) -> None:
    basis = Basis.fit(rows)
    assert np.isfinite(basis.of(rows)).all()
    assert basis.share == (0, 0)


def film(z: np.ndarray, dead_at: float = 0.0) -> object:
    books = []
    for outputs in z:
        codes = np.concatenate([outputs[:6], np.full((2, z.shape[2]), dead_at)]).astype(np.float16)
        hits = np.array([1] * 6 + [0] * 2)
        books.append(
            BookSnapshot(
                "codes", codes, hits, hits, hits - 1, hits.astype(np.float32), outputs.astype(np.float16), np.zeros(len(outputs), np.int32)
            )
        )
    return film_of(range(len(books)), books, 5)


def test_a_film_keeps_its_plane_while_it_grows_and_shows_enough() -> None:
    z = np.stack([cloud(60, 5, seed=3)] * 3)
    first = Basis.of_film(film(z[:1]))
    slightly = Basis.of_film(film(z + np.random.default_rng(0).normal(size=z.shape) * 0.1), earlier=first)
    assert slightly.axes is first.axes and slightly.mean is first.mean
    assert slightly.share != first.share, "how much it holds is said of the latest outputs"
    turned = np.roll(z, 2, axis=2) * [1, 1, 1, 9, 9]
    anew = Basis.of_film(film(turned), earlier=first)
    assert anew.axes is not first.axes


def test_every_moment_counts_alike() -> None:
    calm = np.random.default_rng(0).normal(size=(50, 4)) * [3, 1, 0.1, 0.1]
    wild = np.random.default_rng(1).normal(size=(50, 4)) * [1, 1, 3e4, 1]
    basis = Basis.fit(np.stack([calm, calm, wild]))
    assert abs(basis.axes[0]).max() > 0.9, "one runaway moment does not take both axes"
