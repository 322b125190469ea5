"""The models behind Bits' sliders: what comes with the program is whole, small, and gives the error that its file says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vqcore.errors import RunError
from vqcore.rates import models, points

STOPS = [(K, side) for side in points.GRIDS for K in points.CODES]


def test_every_stop_has_a_small_file_with_sixteen_pictures() -> None:
    total = 0
    for K, side in STOPS:
        point = points.read(K, side)
        assert point is not None, f"make it anew: python -m vqcore.rates --codes {K} --side {side}"
        assert point.inputs.shape == point.reconstructions.shape == (points.PICTURES, 28, 28, 1)
        assert point.indices.shape == (points.PICTURES, side, side) and point.colours.shape == (points.PICTURES, side, side, 3)
        assert point.indices.min() >= 0 and point.indices.max() < K and 1 <= point.used <= K
        size = points.path_of(K, side).stat().st_size
        assert size <= 250 * 1024
        total += size
    assert total < 6 * 2**20


@pytest.mark.parametrize("side", points.GRIDS)
def test_more_codes_buy_less_error(side: int) -> None:
    errors = [point.nmse for K in points.CODES if (point := points.read(K, side)) is not None]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize(("K", "side"), [(2, 1), (64, 7)])
def test_a_file_gives_its_own_error_and_pictures(K: int, side: int) -> None:
    point = points.read(K, side)
    assert point is not None
    model, dataset = models.load(points.path_of(K, side))
    found = models.measure(model, dataset)
    # another processor rounds otherwise, and a vector between two codes may then fall to the other
    assert found.nmse == pytest.approx(point.nmse, rel=1e-3) and abs(found.books[0].used - point.used) <= 1
    assert found.books[0].K == K and found.images == len(dataset.validation)


def test_a_model_is_made_anew_from_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "STEPS", {7: (3, 2)})
    models._base.cache_clear()
    made = [models.train(K, 7, tmp_path / str(i)) for i, K in enumerate((4, 4))]
    models._base.cache_clear()
    one, other = (points.read(4, 7, path.parent) for path in made)
    assert one is not None and other is not None
    assert one.nmse == other.nmse and (one.reconstructions == other.reconstructions).all() and np.isfinite(one.nmse)
    made[0].write_bytes(made[0].read_bytes()[:-5])
    with pytest.raises(RunError):
        points.read(4, 7, made[0].parent)


def test_other_settings_have_none() -> None:
    assert points.read(2048, 7) is None and points.read(64, 8) is None
    assert not points.exists(3, 7) and points.exists(2, 14)
