"""What priors draw, end to end with a small trained run: true to the prior, to the seed, to what was given; ended when asked to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vqcore.analysis import invent, picture
from vqcore.analysis.codes import codes
from vqcore.analysis.load import current_stamp, load_frozen
from vqcore.config.prior import HistogramConfig, PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.errors import GridError, RunError
from vqcore.jobs import worker
from vqcore.layout import Grid, Layout
from vqcore.models.draw import draw_codes
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import surprise
from vqcore.records import PriorEvaluation
from vqcore.runs import progress
from vqcore.runs.analysis import checkpoint_stamp, name_of, read, stamp_of
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import (
    HISTOGRAM,
    PALETTE,
    POSITIONS,
    TRAINED,
    UNIFORM,
    Completions,
    Filling,
    Game,
    Nearest,
    Redrawn,
    Sheet,
)
from vqcore.runs.store import RunStore
from vqcore.snippets.snippet import ROOT

NOT_SET: dict[str, int | float] = {"rung": POSITIONS, "number": 6, "label": -1, "temperature": 1.0, "top_k": 0, "seed": 0}


def asked(run: RunFolder, function: Callable[..., str], **settings: Any) -> dict[str, Any]:
    """The arrays of a result."""
    name = function(str(run.path), "", **settings)
    arrays = read(run, Path(), name)
    assert arrays is not None and stamp_of(name) == checkpoint_stamp(run)
    return arrays


def sheet(run: RunFolder, **changes: int | float) -> Sheet:
    return Sheet.of(asked(run, invent.samples, **NOT_SET | changes))


def code_set(run: RunFolder) -> CodeSet:
    arrays = read(run, Path(), codes(str(run.path), ""))
    assert arrays is not None
    return CodeSet.of(arrays)


@pytest.fixture(scope="module")
def prior(digits: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A small PixelCNN over the digits' codes, given their labels, trained for a moment."""
    store = RunStore(tmp_path_factory.mktemp("priors"))
    config = PixelCNNConfig(hidden=8, layers=2, conditional=True)
    train = TrainConfig(steps=20, lr=3e-3, threads=1, device="cpu", evaluate_every=1000, evaluation_images=32)
    folder = store.create_prior(digits, config, train, name="Small")
    threads = torch.get_num_threads()
    assert worker.run(folder, "cli") == "finished"
    torch.set_num_threads(threads)
    return folder


def test_a_sheet_is_what_the_prior_draws_and_the_model_decodes(digits: RunFolder) -> None:
    found, kept = sheet(digits), code_set(digits)
    assert found.codes.shape == (6, 16) and found.pictures.shape == (6, 8, 8, 1) and found.pictures.dtype == np.uint8
    assert np.array_equal(found.pictures, draw_codes(load_frozen(digits).model, kept.layout, found.codes))
    counted = build_prior(HistogramConfig(per_position=True), kept.layout)
    counted.fit_(torch.from_numpy(kept.train.astype(np.int64)), None)
    assert found.cell_bits == pytest.approx(surprise(counted, found.codes))
    assert found.bits == pytest.approx(found.cell_bits.sum(axis=1))
    assert found.real_bits[:20] == pytest.approx(surprise(counted, kept.validation[:20].astype(np.int64)).sum(axis=1), rel=1e-4)
    assert found.ground.layout.grids[0].shape == (4, 4) and len(found.ground.label_names) == 10
    assert found.ground.painted(found.codes).shape == (6, 16, 3)


def test_the_same_seed_gives_the_same_and_each_rung_its_own(digits: RunFolder) -> None:
    assert np.array_equal(sheet(digits).codes, sheet(digits, number=9).codes[:6]), "more samples begin with the same ones"
    assert not np.array_equal(sheet(digits).codes, sheet(digits, seed=1).codes)
    bits = {rung: sheet(digits, rung=rung).real for rung in (UNIFORM, HISTOGRAM, POSITIONS)}
    assert bits[UNIFORM] == pytest.approx(64) and bits[UNIFORM] > bits[HISTOGRAM] > bits[POSITIONS]


def test_top_1_draws_the_likeliest_code_and_bits_stay_those_of_the_prior(digits: RunFolder) -> None:
    found, kept = sheet(digits, top_k=1), code_set(digits)
    assert (found.codes == [np.bincount(column, minlength=16).argmax() for column in kept.train.T]).all()
    assert found.cell_bits.min() > 0, "a code that was sure to be drawn still costs what the prior says of it"
    assert sheet(digits, temperature=0.1).bits.mean() < sheet(digits).bits.mean()


def test_a_class_is_drawn_from_its_own_histograms(digits: RunFolder) -> None:
    zero, any_class = sheet(digits, label=0, number=16), sheet(digits, number=16)
    assert zero.conditional and (zero.labels == 0).all()
    assert not any_class.conditional and (any_class.labels == -1).all()
    kept = code_set(digits)
    seen = [set(kept.train[kept.train_labels == 0][:, i]) for i in range(16)]

    def usual(found: Sheet) -> float:
        return float(np.mean([code in seen[i] for row in found.codes for i, code in enumerate(row)]))

    assert usual(zero) > usual(any_class)


def test_a_trained_prior_draws_its_classes(prior: RunFolder) -> None:
    one = sheet(prior, rung=TRAINED, label=4)
    assert one.conditional and (one.labels == 4).all() and np.isfinite(one.bits).all()
    mixed = sheet(prior, rung=TRAINED, number=32)
    assert len(set(mixed.labels.tolist())) > 3, "without a wish, classes come as often as in training"
    counted = sheet(prior, rung=POSITIONS)  # from the copy of codes and model that the prior holds
    assert counted.codes.shape == (6, 16)


def test_a_filling_shows_what_each_code_was_drawn_from(digits: RunFolder) -> None:
    settings = NOT_SET | {"temperature": 0.7, "top_k": 5}
    drawn = sheet(digits, **settings)
    found = Filling.of(asked(digits, invent.filling, **settings, which=2))
    assert np.array_equal(found.codes, drawn.codes[2]) and np.array_equal(found.cell_bits, drawn.cell_bits[2])
    assert found.chances.sum(axis=1) == pytest.approx(1, abs=0.01), "five codes may come, and those as likely as the fifth"
    assert (found.chance > 0).all()
    assert all(code in row for code, row in zip(found.codes, found.candidates, strict=True))
    assert (found.entropy <= np.log2(5) + 0.01).all() and (found.entropy >= 0).all()
    assert found.frames.shape == (17, 8, 8, 1) and found.frame_of.tolist() == list(range(17))
    assert np.array_equal(found.frames[-1], drawn.pictures[2])
    assert found.tiles.shape[:2] == (16, 8) and found.tiles.shape[2] == found.tiles.shape[3] == 6, "a cell of two pixels, and one around it"


def test_a_completion_keeps_what_was_given(digits: RunFolder) -> None:
    found = Completions.of(asked(digits, invent.completions, rung=POSITIONS, image=3, kept=50, number=5, temperature=1.0, top_k=0, seed=0))
    kept = code_set(digits)
    assert found.given.tolist() == [True] * 8 + [False] * 8 and found.exact
    assert np.array_equal(found.real_codes, kept.validation[3])
    assert (found.codes[:, :8] == found.real_codes[:8]).all()
    assert len({tuple(row) for row in found.codes.tolist()}) > 1
    assert found.bits.shape == (5,) and found.real_bits > 0
    with pytest.raises(GridError, match="Validation example 9999 does not exist"):
        invent.completions(str(digits.path), "", POSITIONS, 9999, 50, 2, 1.0, 0, 0)


def test_something_is_always_left_to_draw(digits: RunFolder) -> None:
    found = Completions.of(asked(digits, invent.completions, rung=POSITIONS, image=0, kept=100, number=2, temperature=1.0, top_k=0, seed=0))
    assert (~found.given).sum() == 4


def test_a_game_asks_for_the_true_codes_and_hides_the_models_favourites(prior: RunFolder) -> None:
    found = Game.of(asked(prior, invent.game, rung=TRAINED, image=1, first=4, seed=0))
    kept = prior.codes()
    assert kept is not None
    assert np.array_equal(found.true, kept.validation[1, 4:]) and found.first == 4 and len(found.true) == 12
    assert found.palette.shape == (12, PALETTE) and all(len(set(row)) == PALETTE for row in found.palette.tolist())
    assert (found.chances.sum(axis=1) + found.other) == pytest.approx(1, abs=1e-5)
    orders = {tuple(np.argsort(-row)[: PALETTE // 2]) for row in found.chances}
    assert len(orders) > 1, "the favourites do not stand in the same places"
    for i, code in enumerate(found.true):
        (place,) = np.nonzero(found.palette[i] == code)
        if len(place):
            assert found.bits[i] == pytest.approx(-np.log2(found.chances[i, place[0]]), abs=1e-3)
    assert found.frames.shape == (13, 8, 8, 1) and np.array_equal(found.frames[-1], found.real)
    assert np.array_equal(found.counted, found.counted.clip(0))
    with pytest.raises(GridError, match="Position 16 does not exist"):
        invent.game(str(prior.path), "", TRAINED, 1, 16, 0)


def test_the_nearest_training_images_are_the_nearest(digits: RunFolder) -> None:
    found, drawn, kept = Nearest.of(asked(digits, invent.nearest, **NOT_SET)), sheet(digits), code_set(digits)
    model = load_frozen(digits).model
    train = draw_codes(model, kept.layout, kept.train)
    for i in range(len(drawn.codes)):
        equal = (kept.train == drawn.codes[i].astype(np.uint16)).mean(axis=1)
        assert found.agreement[i] == pytest.approx(np.sort(equal)[::-1][:3])
        away = np.sqrt(((train.astype(float) - drawn.pictures[i]) ** 2).mean(axis=(1, 2, 3))) / 255
        assert found.distance[i] == pytest.approx(np.sort(away)[:3], abs=1e-5)
    assert found.searched == found.drawn == len(kept.train)
    assert ((kept.train == kept.validation[0]).mean(axis=1)).max() == pytest.approx(found.real_agreement[0])


def test_a_copy_is_recognised() -> None:
    train = np.random.default_rng(0).integers(0, 9, (50, 16)).astype(np.uint16)
    share, row = invent._agreeing(train[[7]], train, 3)
    assert share[0, 0] == 1 and row[0, 0] == 7 and share[0, 1] < 1


def test_redrawn_images_are_the_first_of_the_validation_data(digits: RunFolder) -> None:
    found, kept = Redrawn.of(asked(digits, invent.redrawn)), code_set(digits)
    assert np.array_equal(found.codes, kept.validation[:64]) and np.array_equal(found.labels, kept.validation_labels[:64])
    assert np.array_equal(found.pictures, draw_codes(load_frozen(digits).model, kept.layout, kept.validation[:64]))


def test_points_have_no_sheet(rings: RunFolder) -> None:
    with pytest.raises(RunError, match="points, not pictures"):
        invent.samples(str(rings.path), "", **NOT_SET)


def test_it_says_how_far_it_is_and_ends_when_asked(digits: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = NOT_SET | {"seed": 77}
    stamp = checkpoint_stamp(digits)
    assert stamp is not None
    name = name_of("sheet", stamp, **settings)
    said: list[tuple[int, int]] = []
    report = progress.Reporter.__call__

    def heard(self: progress.Reporter, done: int, total: int) -> None:
        said.append((done, total))
        if done == 5:
            progress.cancel(digits, Path(), name)
        report(self, done, total)

    monkeypatch.setattr(progress.Reporter, "__call__", heard)
    assert invent.samples(str(digits.path), "", **settings) == ""
    assert said[-1] == (5, 16) and read(digits, Path(), name) is None
    monkeypatch.setattr(progress.Reporter, "__call__", report)
    assert invent.samples(str(digits.path), "", **settings) == name and read(digits, Path(), name) is not None


def test_a_result_that_is_none_is_told_from_one() -> None:
    with pytest.raises(RunError, match="not what its name says"):
        Sheet.of({"step": np.array(3)})


def test_tiles_of_models_without_a_grid_show_the_whole_picture() -> None:
    pictures = np.arange(2 * 4 * 6, dtype=np.uint8).reshape(2, 4, 6, 1)
    assert picture._cut(Layout((Grid("codes", 8, ()),)), 0, pictures).shape == (2, 6, 6, 1)
    cut = picture._cut(Layout((Grid("codes", 8, (2, 3)),)), 4, pictures)  # cells of two pixels; row 1, column 1
    assert cut.shape == (2, 6, 6, 1) and np.array_equal(cut[0, 2:4, 2:4], pictures[0, 2:4, 2:4])
    assert np.array_equal(cut[0, 4], cut[0, 3]), "under the picture its edge goes on"


@pytest.mark.parametrize("run_id", ["20261123-181115-1d7e", "20261123-181453-ce22"])
def test_the_examples_priors_have_one_figure_on_every_screen(run_id: str, tmp_path: Path) -> None:
    """A sheet's bits of real images and the evaluation at the end of training are of the same examples: all that validate."""
    run = RunFolder(ROOT / "assets" / "demo" / run_id, read_only=True)
    settings = {"rung": TRAINED, "number": 16, "label": -1, "temperature": 1.0, "top_k": 0, "seed": 0}
    sheet = Sheet.of(read(run, tmp_path, name_of("sheet", current_stamp(run), **settings)) or {})
    last = [record for record in run.metrics().records if isinstance(record, PriorEvaluation)][-1]
    assert len(sheet.real_bits) == last.images and last.complete
    assert sheet.real / last.codes_per_image == pytest.approx(last.bits, rel=1e-4)
