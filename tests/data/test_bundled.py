"""The data sets that need no network: what each one is in particular."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vqcore.config.data import DigitsConfig, GlyphsConfig, PhotosConfig, RingsConfig, ShapesConfig
from vqcore.data import photos, scikit
from vqcore.data.registry import load
from vqcore.data.shapes import BACKGROUND, COLOURS, RADII
from vqcore.errors import DataError


def test_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    theirs, ours = load_digits(), load(DigitsConfig())
    assert np.array_equal(ours.labels["digit"].values, theirs.target)
    assert np.abs(ours.x[:, 0] / 255 - theirs.images / 16).max() <= 0.5 / 255
    assert ours.x.min() == 0 and ours.x.max() == 255


def test_without_scikit_learns_files_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.csv is missing"):
        scikit.scikit_file("data/nothing.csv")
    monkeypatch.setattr(scikit.importlib.util, "find_spec", lambda name: None)  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="not installed"):
        load(DigitsConfig())


@pytest.mark.parametrize("count", [256, 1001, 20_000])
def test_photos_share_no_pixel(count: int) -> None:
    places = photos.patch_places(count)
    validation = places.side == 1
    covered = np.zeros((2, len(photos.PHOTOS), photos.HEIGHT, photos.WIDTH), bool)
    for photo, top, left, side in zip(places.photo, places.top, places.left, validation.astype(int), strict=True):
        assert 0 <= top <= photos.HEIGHT - photos.SIZE and 0 <= left <= photos.WIDTH - photos.SIZE
        covered[side, photo, top : top + photos.SIZE, left : left + photos.SIZE] = True
    assert not np.any(covered[0] & covered[1])
    assert validation.sum() == round(count / 5)
    assert len(set(zip(places.photo, places.top, places.left, strict=True))) == count


def test_photos_are_cut_where_they_say() -> None:
    from sklearn.datasets import load_sample_images

    pictures = load_sample_images().images
    places, dataset = photos.patch_places(256), load(PhotosConfig(patches=256))
    for index, patch in enumerate(dataset.x):
        top, left = places.top[index], places.left[index]
        window = pictures[places.photo[index]][top : top + photos.SIZE, left : left + photos.SIZE]
        assert np.array_equal(patch.transpose(1, 2, 0), window)
    assert np.array_equal(dataset.labels["photo"].values, places.photo)
    assert np.array_equal(dataset.validation, np.flatnonzero(places.side == 1))


@pytest.fixture(scope="module")
def drawings() -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, tuple[str, ...]], np.ndarray]:
    """x as float (N, 3, H, W), factor → values, factor → names, and the cover (N, H, W), 0 to 1, recovered from the pixels."""
    dataset = load(ShapesConfig(count=1000))
    background = np.asarray(BACKGROUND, float)[:, None, None]
    ink = np.asarray(list(COLOURS.values()), float)[dataset.labels["colour"].values][:, :, None, None] - background
    cover = ((dataset.x - background) * ink).sum(1) / (ink**2).sum(1)
    return (
        dataset.x.astype(float),
        {name: labels.values for name, labels in dataset.labels.items()},
        {name: labels.names for name, labels in dataset.labels.items()},
        cover,
    )


def test_shapes_four_factors_are_independent(drawings) -> None:
    _, values, names, _ = drawings
    assert list(names) == ["shape", "colour", "size", "place"]
    for name, other in (("shape", "colour"), ("size", "place"), ("colour", "size")):
        table = np.zeros((len(names[name]), len(names[other])))
        np.add.at(table, (values[name], values[other]), 1)
        assert np.all(table > 0)


def test_shapes_colour_is_what_is_drawn(drawings) -> None:
    x, values, _, cover = drawings
    brightest = x[np.arange(len(x)), :, *np.divmod(cover.reshape(len(x), -1).argmax(1), 32)]
    distance = ((brightest[:, None] - np.asarray(list(COLOURS.values()))) ** 2).sum(-1)
    assert np.mean(distance.argmin(1) == values["colour"]) == 1.0


def test_shapes_place_and_size_are_what_is_drawn(drawings) -> None:
    _, values, names, cover = drawings
    rows = (cover.sum(2) * (np.arange(32) + 0.5)).sum(1) / cover.sum((1, 2))
    columns = (cover.sum(1) * (np.arange(32) + 0.5)).sum(1) / cover.sum((1, 2))
    cells = [np.abs(middle[:, None] - np.array([10, 16, 22])).argmin(1) for middle in (rows, columns)]
    assert np.array_equal(3 * cells[0] + cells[1], values["place"])
    for shape in range(len(names["shape"])):
        area = [cover[(values["shape"] == shape) & (values["size"] == size)].sum((1, 2)) for size in range(len(RADII))]
        assert area[0].max() < area[1].min() < area[1].max() < area[2].min()


def test_shapes_differ_by_how_much_of_their_circle_they_fill(drawings) -> None:
    _, values, names, cover = drawings
    large = values["size"] == 2
    area = {name: cover[large & (values["shape"] == k)].sum((1, 2)).mean() for k, name in enumerate(names["shape"])}
    assert area["circle"] == pytest.approx(np.pi * 8.0**2, rel=0.05)
    assert area["square"] == pytest.approx(2 * 8.0**2, rel=0.05)
    assert area["triangle"] == pytest.approx(3 * np.sqrt(3) / 4 * 8.0**2, rel=0.05)
    assert area["star"] < area["triangle"]


def test_shapes_and_letters_stay_inside_and_hardly_repeat() -> None:
    for dataset in (load(ShapesConfig(count=2000)), load(GlyphsConfig(count=2000))):
        background = dataset.x[:, :, :1, :1]
        frame = np.ones(dataset.shape[1:], bool)
        frame[1:-1, 1:-1] = False
        assert np.mean(np.any((dataset.x != background)[:, :, frame], axis=(1, 2))) < 0.02
        assert len({picture.tobytes() for picture in dataset.x}) > 0.99 * len(dataset.x)


def test_letters_look_like_their_label() -> None:
    dataset = load(GlyphsConfig(count=5200))
    assert np.bincount(dataset.labels["letter"].values).min() == 200
    # the nearest training picture already names the letter, far above the 1 in 26 of chance
    x = dataset.x.reshape(len(dataset.x), -1) / 255.0
    train, validation = x[dataset.train], x[dataset.validation]
    nearest = ((train**2).sum(1) - 2 * validation @ train.T).argmin(1)
    values = dataset.labels["letter"].values
    assert np.mean(values[dataset.train][nearest] == values[dataset.validation]) > 0.9


def test_rings_lie_on_their_radius() -> None:
    dataset = load(RingsConfig(noise=0.05))
    radius = np.hypot(*dataset.x.T)
    for ring, expected in enumerate((0.5, 1.0)):
        of_ring = radius[dataset.labels["ring"].values == ring]
        assert of_ring.mean() == pytest.approx(expected, abs=0.01) and of_ring.std() == pytest.approx(0.05, rel=0.1)
    exact = np.hypot(*load(RingsConfig(noise=0)).x.T)
    assert np.allclose(exact, np.where(dataset.labels["ring"].values == 0, 0.5, 1.0), atol=1e-6)
