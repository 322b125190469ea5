"""What every data set promises, whatever it is."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from vqcore.config.data import DataConfig, MnistConfig
from vqcore.data.base import Dataset
from vqcore.data.registry import DATASETS, data_folder, load, missing
from vqcore.errors import DataError

KINDS = sorted(DATASETS)
IMAGES = [kind for kind in KINDS if DATASETS[kind].config.modality == "image"]
BUNDLED = [kind for kind in KINDS if DATASETS[kind].remote is None]


def configured(kind: str, **values: Any) -> Any:
    return DATASETS[kind].config.parse({"kind": kind, **values})


def content(dataset: Dataset) -> str:
    arrays = [dataset.x, dataset.train, dataset.validation, *(labels.values for labels in dataset.labels.values())]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


Loaded = Callable[[str], Dataset]


@pytest.fixture(scope="module")
def loaded(place_files: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """The default of a kind, loaded once for all who only look."""
    placed = place_files(tmp_path_factory.mktemp("looked-at"))
    return cache(lambda kind: load(configured(kind), cache=placed))


def test_every_config_has_its_entry() -> None:
    configs = get_args(get_args(DataConfig)[0])
    assert {config.model_fields["kind"].default: config for config in configs} == {kind: entry.config for kind, entry in DATASETS.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_keeps_the_contract(kind: str, loaded: Loaded) -> None:
    entry = DATASETS[kind]
    dataset = loaded(kind)
    count = len(dataset.x)
    assert dataset.name == kind
    assert dataset.modality == configured(kind).modality
    assert dataset.shape == configured(kind).shape
    assert dataset.x.dtype == (np.uint8 if entry.config.modality == "image" else np.float32)
    assert dataset.x.flags.c_contiguous and dataset.x.flags.writeable
    low, high = dataset.value_range
    assert (low, high) == (0.0, 1.0) if entry.config.modality == "image" else low <= dataset.x.min() < dataset.x.max() <= high
    if entry.remote is None:
        assert count == entry.examples
    assert dataset.source == entry.source and dataset.licence == entry.licence and entry.source and entry.licence


@pytest.mark.parametrize("kind", KINDS)
def test_split_is_disjoint_and_complete(kind: str, loaded: Loaded) -> None:
    dataset = loaded(kind)
    assert dataset.train.dtype == dataset.validation.dtype == np.int64
    assert np.array_equal(np.sort(np.concatenate([dataset.train, dataset.validation])), np.arange(len(dataset.x)))
    assert np.all(np.diff(dataset.train) > 0) and np.all(np.diff(dataset.validation) > 0)
    assert 0.1 < len(dataset.validation) / len(dataset.x) < 0.3
    if dataset.group is not None:
        assert dataset.group.shape == (len(dataset.x),)
        assert not set(dataset.group[dataset.train]) & set(dataset.group[dataset.validation])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_aligned(kind: str, loaded: Loaded) -> None:
    dataset = loaded(kind)
    assert dataset.labels
    for labels in dataset.labels.values():
        assert labels.values.shape == (len(dataset.x),) and labels.values.dtype == np.int64
        assert labels.values.min() >= 0 and labels.values.max() < len(labels.names)
        assert len(set(labels.names)) == len(labels.names)


@pytest.mark.parametrize("kind", BUNDLED)
def test_every_label_is_on_both_sides(kind: str, loaded: Loaded) -> None:
    dataset = loaded(kind)
    for labels in dataset.labels.values():
        for side in (dataset.train, dataset.validation):
            assert set(labels.values[side]) == set(range(len(labels.names)))


@pytest.mark.parametrize("kind", KINDS)
def test_two_loads_are_identical_and_the_global_generator_plays_no_part(kind: str, placed: Path, loaded: Loaded) -> None:
    first = content(loaded(kind))
    np.random.seed(1)
    before = np.random.get_state(legacy=False)["state"]["key"].copy()
    assert content(load(configured(kind), cache=placed)) == first
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], before)


@pytest.mark.parametrize("kind", IMAGES)
def test_binarise_leaves_two_values_and_everything_else(kind: str, placed: Path, loaded: Loaded) -> None:
    plain, binary = loaded(kind), load(configured(kind, binarise=True), cache=placed)
    assert set(np.unique(binary.x)) == {0, 255} and binary.x.dtype == np.uint8
    assert np.array_equal(binary.x == 255, plain.x / 255 > 0.5)
    assert np.array_equal(plain.validation, binary.validation)
    assert all(np.array_equal(plain.labels[name].values, binary.labels[name].values) for name in plain.labels)


@pytest.mark.parametrize("kind", ["photos", "shapes", "glyphs", "rings"])
@pytest.mark.parametrize("count", [257, 5000])
def test_as_many_as_the_config_says(kind: str, count: int) -> None:
    assert len(load(configured(kind, **{"patches" if kind == "photos" else "count": count})).x) == count


def test_nothing_heavy_is_imported() -> None:
    script = (
        "import sys; from vqcore.data.registry import load; from vqcore.config.data import DigitsConfig, PhotosConfig\n"
        "load(DigitsConfig()); load(PhotosConfig(patches=256))\n"
        "print(sorted({'torch', 'sklearn', 'scipy', 'requests', 'pooch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"


def test_unknown_kind_names_those_that_there_are() -> None:
    with pytest.raises(DataError, match=r"no data set 'cats'.*digits.*mnist"):
        missing("cats")


def test_vq_data_names_the_folder(monkeypatch: pytest.MonkeyPatch, placed: Path) -> None:
    monkeypatch.setenv("VQ_DATA", str(placed))
    assert data_folder() == placed
    assert missing("mnist") == () and missing("digits") == ()
    assert len(load(MnistConfig()).x) == 50


def test_without_vq_data_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_DATA", "")
    assert data_folder().name == "vqlab" and data_folder().is_absolute()


def test_missing_names_what_would_be_downloaded(tmp_path: Path) -> None:
    paths = missing("fashion_mnist", cache=tmp_path)
    assert [path.name for path in paths] == [file.packed for file in DATASETS["fashion_mnist"].remote.files]
    assert {path.parent for path in paths} == {tmp_path / "FashionMNIST" / "raw"}
    assert not list(tmp_path.iterdir())
    assert DATASETS["fashion_mnist"].download_bytes == 30_878_645 and DATASETS["digits"].download_bytes == 0
