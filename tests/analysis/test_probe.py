"""What a probe keeps, against a plain loop over the data and the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.contract.conftest import Gaussian, Halves, two_stages
from vqcore.analysis import probe as module
from vqcore.analysis.load import Loaded, load_model
from vqcore.analysis.probe import probe, probe_arrays
from vqcore.analysis.receptive import receptive_fields
from vqcore.errors import RunError
from vqcore.models.vqvae import VQVAE
from vqcore.quantizers.base import Quantizer
from vqcore.runs.analysis import read, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.training.evaluation import to_model, validation_order


@pytest.fixture(scope="module")
def loaded(digits: RunFolder) -> Loaded:
    return load_model(digits)


@pytest.fixture(scope="module")
def probed(loaded: Loaded) -> Probe:
    with torch.no_grad():
        return Probe.of(probe_arrays(loaded))


@pytest.fixture(scope="module")
def encoded(loaded: Loaded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the data set in the probe's order, encoder outputs (N, h, w, D), and codes (N, h, w)."""
    order = validation_order(loaded.dataset)
    with torch.no_grad():
        out = loaded.model(to_model(torch.from_numpy(loaded.dataset.x[order])))
    return order, out.levels[0].z_e.movedim(1, -1).numpy(), out.codes[0].numpy()


def variant(loaded: Loaded, quantizer: Quantizer) -> Loaded:
    """The same data through an untrained model with another quantizer."""
    torch.manual_seed(0)
    model = VQVAE(loaded.config.model, loaded.dataset.shape, "image", 0.1, quantizer).eval().requires_grad_(False)
    return replace(loaded, model=model)


def test_counts_are_those_of_the_whole_validation_data(loaded: Loaded, probed: Probe, encoded: Any) -> None:
    order, _, codes = encoded
    (book,) = probed.books
    assert (probed.step, probed.images, probed.complete) == (60, 359, True)
    assert np.array_equal(book.counts, np.bincount(codes.reshape(-1), minlength=16))
    assert (probed.label_set, probed.label_names) == ("digit", tuple("0123456789"))
    labels = loaded.dataset.labels["digit"].values[order]
    expected = np.zeros((16, 10), dtype=int)
    for label, grid in zip(labels, codes, strict=True):
        for code in grid.reshape(-1):
            expected[code, label] += 1
    assert np.array_equal(book.label_counts, expected)
    majority, purity = book.majority()
    used = book.counts > 0
    assert np.array_equal(majority[used], expected.argmax(1)[used])
    assert purity[used] == pytest.approx(expected.max(1)[used] / book.counts[used])


def test_the_sample_is_what_the_encoder_said_there(probed: Probe, encoded: Any) -> None:
    order, z, codes = encoded
    (book,) = probed.books
    assert len(book.z) == 2000
    example = np.argsort(order)[np.searchsorted(np.sort(order), book.z_image)]
    assert np.array_equal(order[example], book.z_image)
    assert np.array_equal(codes[example, book.z_row, book.z_col], book.z_code)
    assert book.z.astype(float) == pytest.approx(z[example, book.z_row, book.z_col], rel=1e-3, abs=1e-3)
    assert len({*zip(book.z_image, book.z_row, book.z_col, strict=True)}) == 2000  # no place twice
    assert len(np.unique(book.z_image)) > 300  # from all over


def test_patches_are_the_nearest_of_each_code_one_a_picture_first(loaded: Loaded, probed: Probe, encoded: Any) -> None:
    order, z, codes = encoded
    (book,) = probed.books
    assert np.allclose(book.codebook, loaded.model.codebooks()[0].numpy())
    distance = np.linalg.norm(z - book.codebook[codes], axis=-1)
    for code in range(16):
        chosen = np.argwhere(codes == code)  # (hits, 3)
        best: dict[int, list[float]] = {}
        for example, row, col in chosen:
            best.setdefault(int(example), []).append(float(distance[example, row, col]))
        firsts = sorted(min(each) for each in best.values())
        expected = firsts[:12]
        if len(expected) < 12:  # few pictures: then their second ones
            expected += sorted(sorted(each)[1] for each in best.values() if len(each) > 1)[: 12 - len(expected)]
        patches = probed.patches(0, code)
        assert [patch.distance for patch in patches[: len(expected)]] == pytest.approx(expected, rel=1e-4, abs=1e-5)
        assert len(patches) == min(12, len(chosen))
        for patch in patches:
            example = int(np.nonzero(order == patch.image)[0][0])
            assert codes[example, patch.row, patch.col] == code
            assert np.array_equal(probed.pictures[patch.picture][..., 0], loaded.dataset.x[patch.image][0])
            assert patch.label == loaded.dataset.labels["digit"].values[patch.image]
            assert patch.box == tuple(receptive_fields(loaded.model, (1, 8, 8))[patch.row, patch.col])


def test_pictures_are_kept_once_and_only_those_that_are_shown(probed: Probe) -> None:
    shown = {int(p) for p in probed.books[0].patch_picture.reshape(-1) if p >= 0}
    assert shown == set(range(len(probed.pictures)))
    assert len(np.unique(probed.picture_image)) == len(probed.picture_image) == len(probed.pictures)


def test_a_code_is_drawn_as_a_constant_grid_of_it_decodes(loaded: Loaded, probed: Probe) -> None:
    (book,) = probed.books
    assert sorted(book.decoded_code) == list(range(16))
    assert (np.diff(book.counts[book.decoded_code]) <= 0).all()
    for code in range(16):
        with torch.no_grad():
            x = loaded.model.decode_indices((torch.full((1, 4, 4), code),))
        drawn = book.drawn(code)
        assert drawn is not None and drawn.shape == (8, 8, 1)
        assert np.abs(drawn[..., 0] - x[0, 0].numpy() * 255).max() <= 0.6
    assert book.drawn(16) is None


def test_points(rings: RunFolder) -> None:
    loaded = load_model(rings)
    with torch.no_grad():
        probed = Probe.of(probe_arrays(loaded))
    (book,) = probed.books
    assert book.counts.sum() == probed.images == 200
    assert probed.pictures.shape == (len(probed.pictures), 2)
    assert (book.decoded.shape, book.decoded.dtype, book.fields.shape) == ((8, 2), np.float32, (0, 0, 4))
    assert len(book.z) == 200
    most = int(book.counts.argmax())
    patches = probed.patches(0, most)
    assert patches[0].box is None
    assert (patches[0].row, patches[0].col) == (0, 0)
    assert np.array_equal(probed.pictures[patches[0].picture], loaded.dataset.x[patches[0].image])
    # an autoencoder draws a code near the points that chose it
    assert np.linalg.norm(book.drawn(most) - probed.pictures[patches[0].picture]) < 1.5


@pytest.mark.parametrize(("make", "sizes"), [(two_stages, (8, 5)), (Halves, (4, 7))])
def test_several_books(loaded: Loaded, make: Callable[[], Quantizer], sizes: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    model = variant(loaded, make())
    with torch.no_grad():
        probed = Probe.of(probe_arrays(model, examples=50))
        out = model.model(to_model(torch.from_numpy(model.dataset.x[validation_order(model.dataset)[:50]])))
    assert (probed.images, probed.complete) == (50, False)
    assert tuple(len(book.counts) for book in probed.books) == sizes
    for book, declared, codes in zip(probed.books, model.model.books, out.codes, strict=True):
        assert book.name == declared.name
        assert book.codebook.shape == (declared.K, declared.D)
        assert np.array_equal(book.counts, np.bincount(codes.reshape(-1).numpy(), minlength=declared.K))
        assert book.z.shape == (50 * 16, declared.D)
        # each vector chose the code that is nearest to it, as this book compares them
        distances = np.linalg.norm(book.z[:, None].astype(float) - book.codebook, axis=2)
        assert (distances[np.arange(len(book.z)), book.z_code] <= distances.min(axis=1) + 2e-3).all()
    # drawn with the other book's most used code
    first, second = probed.books
    code, other = 2, int(second.counts.argmax())
    with torch.no_grad():
        x = model.model.decode_indices((torch.full((1, 4, 4), code), torch.full((1, 4, 4), other)))
    assert np.abs(first.drawn(code)[..., 0] - x[0, 0].numpy() * 255).max() <= 0.6


def test_a_model_without_codes(loaded: Loaded) -> None:
    probed = Probe.of(probe_arrays(variant(loaded, Gaussian())))
    assert (probed.books, probed.images, len(probed.pictures)) == ((), 359, 0)


def test_vectors_that_are_not_finite_are_counted_but_not_shown(loaded: Loaded) -> None:
    model = variant(loaded, Halves())
    with torch.no_grad():
        for parameter in model.model.encoder.parameters():
            parameter.fill_(float("nan"))
        probed = Probe.of(probe_arrays(model))
    assert probed.books[0].counts.sum() == 359 * 16
    assert (probed.books[0].patch_picture == -1).all()
    assert probed.patches(0, 0) == ()


def test_large_books_and_pictures_are_bounded(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DECODED_BYTES", 64 * 5)
    monkeypatch.setattr(module, "PICTURE_BYTES", 64 * 10)
    monkeypatch.setattr(module, "_SMALL_BOOK", 8)
    with torch.no_grad():
        probed = Probe.of(probe_arrays(loaded))
    (book,) = probed.books
    assert len(book.decoded) == 5
    assert set(book.decoded_code) == set(np.argsort(-book.counts, kind="stable")[:5])
    assert len(probed.pictures) <= 10
    assert set(probed.picture_image) <= set(validation_order(loaded.dataset)[:10])
    assert book.codebook.dtype == np.float16
    assert book.counts.sum() == 359 * 16  # all are counted all the same


def test_batches_do_not_matter(loaded: Loaded, probed: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_NUMBERS", 16 * 4 * 7)
    with torch.no_grad():
        again = Probe.of(probe_arrays(loaded))
    assert np.array_equal(again.books[0].counts, probed.books[0].counts)
    assert again.books[0].patch_distance == pytest.approx(probed.books[0].patch_distance, rel=1e-3, abs=1e-4)
    assert np.array_equal(again.books[0].z_image, probed.books[0].z_image)


def test_it_is_kept_and_computed_alike_again(digits: RunFolder, tmp_path: Path) -> None:
    scratch = scratch_of(tmp_path)
    name = probe(str(digits.path), str(scratch))
    assert not list(digits.path.glob("analysis/probe-*"))
    run = RunFolder(digits.path, read_only=True)
    first = read(run, scratch, name)
    (file,) = scratch.rglob("probe-*.npz")
    written = file.stat().st_mtime_ns
    assert probe(str(digits.path), str(scratch)) == name
    assert file.stat().st_mtime_ns == written  # what is there is not computed again
    file.write_bytes(b"torn")
    assert probe(str(digits.path), str(scratch)) == name
    second = read(run, scratch, name)
    assert first is not None and second is not None
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert name.startswith("probe-60-")


def test_a_result_of_something_else_is_refused() -> None:
    with pytest.raises(RunError, match="Delete that folder"):
        Probe.of({"books": np.array(1)})


def test_ranks() -> None:
    assert module._rank(np.array([3, 3, 5, 7, 7, 7])).tolist() == [0, 1, 0, 0, 1, 2]
    assert module._rank(np.zeros(0)).tolist() == []
