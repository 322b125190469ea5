"""Every lesson's check passes when the lesson was done as intended, and fails when it was not: on real, short runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vqcore.control import Command
from vqcore.edits import shuffled
from vqcore.lessons.checks import Verdict, check
from vqcore.lessons.evidence import Evidence, layout_of
from vqcore.lessons.facts import of_frame
from vqcore.lessons.loader import lesson, lessons
from vqcore.runs.folder import RunFolder
from vqcore.runs.grids import SavedGrid

REVIVE, KMEANS = Command("revive"), Command("kmeans")
KEEP = Command("treat", changes={"model.quantizer.revival_threshold": 0.1, "model.quantizer.ema_decay": 0.9})
STEPS = {"train__steps": 200}


def passed(verdict: Verdict) -> bool:
    """Also: whoever has not passed is told of at least one thing to do."""
    assert verdict.items and verdict.passed == all(item.done for item in verdict.items)
    assert all(item.text.endswith(".") for item in verdict.items)
    return verdict.passed


@pytest.mark.parametrize("key", list(lessons()))
def test_nothing_done_passes_nothing(key: str, room: Any) -> None:
    assert not passed(room.verdict(key))


def test_snap(room: Any) -> None:
    run = room.act("snap", "one", **STEPS)
    verdict = room.verdict("snap", run)
    assert passed(verdict), verdict.told
    grid = room.act("ladder", "grid", **STEPS)
    assert not passed(room.verdict("snap", grid))  # a run of something else


def test_snap_looks_at_the_pictures(room: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = room.act("snap", "one", **STEPS)
    real = run.gallery()
    changed = real.reconstructions.copy()
    (twins,) = np.nonzero(real.indices[0].ravel() == np.bincount(real.indices[0].ravel()).argmax())
    changed[twins[0]] = 255 - changed[twins[0]]
    monkeypatch.setattr(RunFolder, "gallery", lambda self, step=None: replace(real, reconstructions=changed))
    assert not passed(room.verdict("snap", run))


@pytest.fixture(scope="module")
def frames() -> dict[str, Any]:
    from pages.ui.snap.setups import Setup
    from vqcore.analysis.microscope import Microscope
    from vqcore.data.registry import load

    setup = Setup(K=8)
    microscope = Microscope(setup.config(), load(setup.config().data), 5)
    notes = dict([of_frame(microscope.frame)])
    microscope.change({"model.quantizer.estimator": "rotation"})
    microscope.forward()
    return notes | dict([of_frame(microscope.frame)])


def test_straight_through(room: Any, frames: dict[str, Any]) -> None:
    verdict = room.verdict("straight_through", notes=frames)
    assert passed(verdict), verdict.told
    for name in frames:
        assert not passed(room.verdict("straight_through", notes={name: frames[name]}))
    assert not passed(room.verdict("straight_through", notes=frames | {"snap.rotation": frames["snap.straight_through"]}))
    assert not passed(room.verdict("straight_through", notes={name: "seen" for name in frames}))


def test_three_terms(room: Any) -> None:
    verdict = room.verdict("three_terms", room.act("three_terms", "one", **STEPS))
    assert passed(verdict), verdict.told
    ema = room.act("three_terms", "one", **STEPS, model__quantizer__learning="ema")
    assert not passed(room.verdict("three_terms", ema))


def test_beta_zero(room: Any) -> None:
    held, free = room.act("beta_zero", "with", **STEPS), room.act("beta_zero", "without", **STEPS)
    verdict = room.verdict("beta_zero", held, free)
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("beta_zero", held))
    assert not passed(room.verdict("beta_zero", free))
    # too short for anything to have run away
    young = room.act("beta_zero", "without", train__steps=3)
    verdict = room.verdict("beta_zero", held, young)
    assert not passed(verdict), verdict.told


def test_collapse(room: Any) -> None:
    runs = [room.act("collapse", "far", [cure], train__steps=160) for cure in (REVIVE, KMEANS, KEEP)]
    verdict = room.verdict("collapse", *runs)
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("collapse", *runs[:2]))
    untreated = room.act("collapse", "far", **STEPS)
    assert not passed(room.verdict("collapse", untreated, *runs[:2]))
    # treated with what does not help
    hopeless = room.act("collapse", "far", [Command("treat", changes={"model.quantizer.commitment_weight": 0.5})], train__steps=160)
    assert not passed(room.verdict("collapse", hopeless, *runs[:2]))
    # a cure of what was not ill
    healthy = room.act("collapse", "far", [REVIVE], train__steps=160, model__quantizer__init="data")
    assert not passed(room.verdict("collapse", healthy, *runs[1:]))


def test_the_same_cure_three_times_is_one(room: Any) -> None:
    runs = [room.act("collapse", "far", [REVIVE], train__steps=160, train__seed=seed) for seed in (0, 1)]
    verdict = room.verdict("collapse", *runs)
    assert not passed(verdict) and sum(item.done for item in verdict.items) == 1


def test_bits(room: Any) -> None:
    runs = [room.act("bits", name, train__steps=40) for name in ("few", "wide", "many")]
    verdict = room.verdict("bits", *runs)
    assert passed(verdict), verdict.told
    assert "4 bits an image, and 4." in verdict.told and "4 bits an image, and 6." in verdict.told
    for missing in runs:
        assert not passed(room.verdict("bits", *(run for run in runs if run is not missing)))


def test_perplexity(room: Any) -> None:
    small, large = room.act("perplexity", "small", **STEPS), room.act("perplexity", "large", **STEPS)
    verdict = room.verdict("perplexity", small, large)
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("perplexity", large))
    # another batch size than asked for
    assert not passed(room.verdict("perplexity", room.act("perplexity", "small", **STEPS, train__batch_size=128), large))


def test_ladder(room: Any) -> None:
    grid = room.act("ladder", "grid", **STEPS)
    prior = room.prior(grid)
    verdict = room.verdict("ladder", prior, grid)
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("ladder", grid, room.prior(grid, looks=False)))
    assert not passed(room.verdict("ladder", prior))


def test_blind_spots(room: Any) -> None:
    copied, rotated = room.act("blind_spots", "copied", **STEPS), room.act("blind_spots", "rotated", **STEPS)
    verdict = room.verdict("blind_spots", copied, rotated)
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("blind_spots", copied))
    treated = room.act("collapse", "far", [REVIVE], train__steps=160)
    assert not passed(room.verdict("blind_spots", treated, rotated))


def test_shuffle(room: Any) -> None:
    grid = room.act("shuffle", "grid", **STEPS)
    layout, gallery = layout_of(grid), grid.gallery()
    codes = layout.join(gallery.indices)
    varied = codes[np.argmax([len(np.unique(row)) for row in codes])]

    def saved(row: Any) -> Evidence:
        kept = SavedGrid(np.asarray(row), grid.id, "0" * 12, owner="cafe")
        return room.seen(grid, grids={grid.id: (kept,)})

    verdict = check(lesson("shuffle"), saved(shuffled(varied, seed=1)))
    assert passed(verdict), verdict.told
    assert not passed(room.verdict("shuffle", grid))
    assert not passed(check(lesson("shuffle"), saved(varied)))  # unchanged
    other = shuffled(varied, seed=1)
    other[0] = (other[0] + 1) % 16  # another vocabulary
    assert not passed(check(lesson("shuffle"), saved(other)))


def test_why_codes_die(room: Any) -> None:
    short = {"train__steps": 120}
    first, late = room.act("late_start", "first", **short), room.act("late_start", "late", **short)
    verdict = room.verdict("late_start", first, late)
    assert passed(verdict), verdict.told
    assert "In 10 steps its encoder walked" in verdict.told and "with codes from step 50 on" in verdict.told
    assert not passed(room.verdict("late_start", first)) and not passed(room.verdict("late_start", late))
    longer = room.act("late_start", "late", train__steps=130)
    assert not passed(room.verdict("late_start", first, longer)), "not as many steps"


def test_how_fast_it_goes_is_the_students_affair(room: Any) -> None:
    faster = Command("treat", changes={"train.speed_limit": 900.0})
    run = room.act("three_terms", "one", [faster], train__steps=120)
    verdict = room.verdict("three_terms", run)
    assert passed(verdict), verdict.told
    cured = room.act("collapse", "far", [faster, REVIVE], train__steps=160)
    verdict = room.verdict("collapse", cured)
    assert sum(item.done for item in verdict.items) == 1 and "speed" not in verdict.told
