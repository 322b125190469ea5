"""Every data set by name: what it is, where it comes from, how it is loaded. Light to import: no torch, no scikit-learn."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vqcore.config.data import (
    BaseDataConfig,
    DataConfig,
    DigitsConfig,
    FashionMnistConfig,
    GlyphsConfig,
    MnistConfig,
    PhotosConfig,
    RingsConfig,
    ShapesConfig,
)
from vqcore.data.base import Dataset, binarised
from vqcore.data.download import Progress, Remote, missing_files, obtain
from vqcore.data.sources import FASHION_MNIST, MNIST
from vqcore.errors import DataError


@dataclass(frozen=True, slots=True)
class Entry:
    """One data set.

    `loader`: "module:function", resolved on use; called with the config, and for downloads with the files' paths as well.
    `examples` at the config's defaults, training and validation together.
    `remote`: the files to download; None when nothing is needed from the network.
    """

    config: type[BaseDataConfig]
    loader: str
    title: str
    examples: int
    source: str
    licence: str
    remote: Remote | None = None

    @property
    def download_bytes(self) -> int:
        """How much a first load has to download; 0: it needs no network."""
        return 0 if self.remote is None else self.remote.size


DATASETS: dict[str, Entry] = {
    "digits": Entry(
        DigitsConfig,
        "vqcore.data.digits:load_digits",
        title="Digits",
        examples=1797,
        source="Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998), the copy in scikit-learn",
        licence="CC BY 4.0",
    ),
    "photos": Entry(
        PhotosConfig,
        "vqcore.data.photos:load_photos",
        title="Photos",
        examples=4096,
        source="two photographs in scikit-learn: china.jpg (danielbuechele) and flower.jpg (vultilion)",
        licence="CC BY 2.0",
    ),
    "shapes": Entry(
        ShapesConfig,
        "vqcore.data.shapes:load_shapes",
        title="Shapes",
        examples=4096,
        source="drawn by this program",
        licence="none needed",
    ),
    "glyphs": Entry(
        GlyphsConfig,
        "vqcore.data.glyphs:load_glyphs",
        title="Letters",
        examples=8192,
        source="drawn by this program in Aileron, the font that comes with Pillow",
        licence="CC0 (the font)",
    ),
    "rings": Entry(
        RingsConfig,
        "vqcore.data.rings:load_rings",
        title="Rings",
        examples=4096,
        source="drawn by this program",
        licence="none needed",
    ),
    "mnist": Entry(
        MnistConfig,
        "vqcore.data.mnist:load_mnist",
        title="MNIST",
        examples=70_000,
        source="The MNIST database of handwritten digits (LeCun, Cortes and Burges, 1998)",
        licence="CC BY-SA 3.0",
        remote=MNIST,
    ),
    "fashion_mnist": Entry(
        FashionMnistConfig,
        "vqcore.data.mnist:load_fashion_mnist",
        title="Fashion-MNIST",
        examples=70_000,
        source="Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv:1708.07747)",
        licence="MIT",
        remote=FASHION_MNIST,
    ),
}


def data_folder() -> Path:
    """Where downloads are kept: the environment variable VQ_DATA, else the user's own cache folder. It need not exist yet."""
    if chosen := os.environ.get("VQ_DATA"):
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("vqlab"))


def load(config: DataConfig, *, cache: Path | None = None, progress: Progress | None = None) -> Dataset:
    """The data set that `config` describes. The same config gives the same bytes, whatever the run's seed.

    `cache` is the folder of downloads (default: `data_folder()`). What is missing there is downloaded, with
    `progress(what, done_bytes, total_bytes)` called before the first byte and then along the way; `total_bytes` counts all
    files that were missing, and `done_bytes` falls back when a mirror fails. An exception that `progress` raises ends the
    download and leaves nothing half written. What needs no network never calls it.

    Raises DataError: files missing and not to be had, truncated, or not what their name says.
    """
    entry = _entry(config.kind)
    module, _, function = entry.loader.partition(":")
    loader: Callable[..., Dataset] = getattr(importlib.import_module(module), function)
    files = () if entry.remote is None else (obtain(entry.remote, cache or data_folder(), progress),)
    dataset = loader(config, *files)
    dataset = replace(dataset, source=entry.source, licence=entry.licence)
    return binarised(dataset) if getattr(config, "binarise", False) else dataset


def missing(kind: str, *, cache: Path | None = None) -> tuple[Path, ...]:
    """The files that loading this kind would have to download, as they would be named; empty: it loads without network."""
    entry = _entry(kind)
    return () if entry.remote is None else missing_files(entry.remote, cache or data_folder())


def _entry(kind: str) -> Entry:
    if kind not in DATASETS:
        raise DataError(f"There is no data set '{kind}'. There are: {', '.join(DATASETS)}.")
    return DATASETS[kind]
