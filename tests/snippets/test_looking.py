"""What is looked at in a model is what the screens show of it: images, codes, messages, edits, samples, sweeps, steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.snippets.small import SMALL, last, trained
from vqcore.analysis import invent
from vqcore.analysis.easel import Easel
from vqcore.analysis.load import load_frozen, load_model
from vqcore.analysis.microscope import Microscope
from vqcore.analysis.probe import probe_arrays
from vqcore.clinic.examine import examine
from vqcore.config.prior_defaults import LADDER
from vqcore.config.run import RunConfig
from vqcore.data.registry import load
from vqcore.rates import points
from vqcore.runs.analysis import read
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import POSITIONS, TRAINED, Sheet
from vqcore.runs.probed import Probe
from vqcore.snippets import drawing, looking, stepping, sweeping
from vqcore.snippets.snippet import ROOT, Snippet
from vqcore.sweeps.spec import SweepSpec
from vqcore.sweeps.store import SweepStore

Run = Callable[[Snippet], tuple[list[str], dict[str, Any]]]


@pytest.mark.parametrize("at", [-1, 0])
def test_an_image_on_its_way(model: RunFolder, carried_out: Run, at: int) -> None:
    gallery = model.gallery(model.galleries()[at])
    assert gallery is not None
    snippet = looking.inside(model, gallery, 3)
    lines, space = carried_out(snippet)
    assert "\n".join(lines) == snippet.prints
    assert (space["index"] == gallery.indices[0][3]).all()
    assert ("load_model" in snippet.code) == (at == -1), "only the checkpoint's own evaluation can be computed again"


def test_a_code_with_its_picture(model: RunFolder, carried_out: Run, tmp_path: Path) -> None:
    snapshot = model.snapshot()
    assert snapshot is not None
    book = snapshot.books[0]
    code = int(book.validation_usage.argmax())
    use, draws = looking.code(model, snapshot.step, book, 0, code)
    assert "\n".join(carried_out(use)[0]) == use.prints
    carried_out(draws)
    shown = Probe.of(probe_arrays(load_model(model))).books[0].drawn(code)
    assert shown is not None
    with Image.open(tmp_path / f"code-{code}.png") as drawn:
        assert (np.asarray(drawn) == shown[..., 0]).all()


def test_a_model_that_comes_with_the_program_gives_the_error_on_the_screen(carried_out: Run) -> None:
    point = points.read(64, 7)
    assert point is not None
    snippet = looking.point(64, 7, point.nmse, 49)
    lines, space = carried_out(snippet)
    assert lines[0] == snippet.prints.splitlines()[0] == "49 codes of 6 bits: 294 bits"
    # the last digit may differ on another processor
    assert float(lines[1].removeprefix("NMSE ")) == pytest.approx(point.nmse, rel=1e-2)
    assert space["index"].shape == (7, 7)


def test_a_message_and_its_length(model: RunFolder, carried_out: Run) -> None:
    gallery = model.gallery()
    assert gallery is not None
    snippet = looking.message(model, gallery)
    lines, _ = carried_out(snippet)
    assert "\n".join(lines) == snippet.prints and lines[0] == "16 codes of 4 bits: 64 bits"
    assert [int(lines[1][i : i + 4], 2) for i in range(0, 64, 4)] == gallery.indices[0][0].ravel().tolist()
    assert carried_out(looking.capacity(16, 4))[0] == ["64 bits"]


@pytest.mark.parametrize("source", ["gallery", "drawing"])
def test_an_edited_grid(model: RunFolder, carried_out: Run, source: str) -> None:
    gallery = model.gallery()
    assert gallery is not None
    before = gallery.indices[0][2].reshape(-1).astype(np.int64)
    after = before.copy()
    after[[1, 6]] = (before[[1, 6]] + 5) % 16
    snippet = looking.painted(model, before, after, ("gallery", gallery.step, 2) if source == "gallery" else None)
    (line,), space = carried_out(snippet)
    easel = Easel(load_frozen(model))
    changed = (easel.decode(before) != easel.decode(after)).any(axis=2).sum()
    assert changed > 0 and line == f"{changed} of 64 pixels changed"
    assert (space["codes"] == after).all()


def test_an_untouched_and_a_wholly_repainted_grid(model: RunFolder, carried_out: Run) -> None:
    gallery = model.gallery()
    assert gallery is not None
    codes = gallery.indices[0][0].reshape(-1).astype(np.int64)
    untouched = looking.painted(model, codes, codes, ("gallery", gallery.step, 0))
    assert "any change of yours" in untouched.code
    carried_out(untouched)
    large = np.arange(900)
    assert "Save and share" in looking.painted(model, large, large[::-1], ("gallery", gallery.step, 0)).note


def test_a_diagnosis(model: RunFolder, treated: RunFolder, carried_out: Run) -> None:
    for run in (model, treated):
        snippet = looking.diagnosed(run, examine(run))
        assert "\n".join(carried_out(snippet)[0]) == snippet.prints != ""


@pytest.mark.parametrize("label", [-1, 3])
@pytest.mark.parametrize("rung", range(4))
def test_samples_of_every_rung(model: RunFolder, prior: RunFolder, carried_out: Run, tmp_path: Path, rung: int, label: int) -> None:
    run = prior if rung == TRAINED else model
    settings = {"rung": rung, "number": 16, "label": label if rung else -1, "temperature": 0.7 if rung else 1.0, "top_k": 5, "seed": 2}
    sheet = Sheet.of(read(run, tmp_path / "none", invent.samples(str(run.path), "", **settings)) or {})
    config = run.config()
    snippet = drawing.sheet_of(run, config.prior if rung == TRAINED else LADDER[rung].config, settings, sheet)  # type: ignore[attr-defined]
    lines, space = carried_out(snippet)
    assert lines == [snippet.prints]
    assert (space["rows"] == sheet.codes).all() and (space["pictures"] == sheet.pictures).all()
    with Image.open(tmp_path / "samples.png") as drawn:
        assert drawn.size[0] > 64
    assert ("HistogramConfig(" in snippet.code) == (0 < rung <= POSITIONS)


def test_a_sweep_and_one_of_its_points(runs: Path, carried_out: Run) -> None:
    store = SweepStore(runs)
    axes = ({"name": "model.quantizer.K", "levels": [{"label": str(k), "changes": {"model.quantizer.K": k}} for k in (4, 8)]},)
    sweep = store.create(
        SweepSpec.parse({"base": SMALL.edited({"train.steps": 20}).model_dump(), "axes": axes, "seeds": [0, 1]}), title="two"
    )
    made = [trained(RunFolder.create(runs, point.config, name="point")).id for point in store.points(sweep)[:3]]
    sweep = store.set_runs(sweep.id, enumerate(made))
    table = sweeping.table(store, sweep.id, ROOT / "assets" / "sweeps")
    assert "\n".join(carried_out(table)[0]) == table.prints and table.prints.startswith("4: ")
    point = sweeping.point(store, sweep.id, 8)
    assert point is not None and "8" in point.title
    assert carried_out(point)[0][-1] == point.prints and point.prints.endswith("of 8")
    assert sweeping.point(store, store.create(sweep.spec, title="none yet").id, 8) is None


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "assets" / "sweeps").glob("*.json")))
def test_bundled_sweeps(name: str, carried_out: Run) -> None:
    store = SweepStore(Path("runs"), extra=[ROOT / "assets" / "sweeps"])
    table = sweeping.table(store, name, ROOT / "assets" / "sweeps")
    assert "\n".join(carried_out(table)[0]) == table.prints != ""


def _lens() -> tuple[RunConfig, Microscope]:
    config = RunConfig.parse(
        {
            "data": {"kind": "rings", "count": 512},
            "model": {"downsampling": "vector", "hidden": 8, "residual_blocks": 0, "quantizer": {"K": 8, "D": 2, "init": "normal"}},
            "train": {"batch_size": 16, "lr": 0.02, "threads": 1},
        }
    )
    return config, Microscope(config, load(config.data), 5)


def _taken(config: RunConfig, lens: Microscope) -> Snippet:
    return stepping.step(config, 5, lens.trail, (lens.frame.step, lens.frame.loss, lens.frame.loss_after))


def test_a_step_with_all_that_was_changed_on_the_way(carried_out: Run) -> None:
    config, lens = _lens()
    assert carried_out(_taken(config, lens))[0] == [_taken(config, lens).prints]
    lens.change({"train.lr": 0.05})
    lens.forward(3)
    lens.change({"model.quantizer.estimator": "rotation", "model.quantizer.commitment_weight": 1.0})
    lens.forward()
    lens.back()
    lens.change(frozen=True, kept=True)
    lens.forward(4)
    snippet = _taken(config, lens)
    lines, space = carried_out(snippet)
    assert lines == [snippet.prints]
    assert (space["frame"].codebook_after == lens.frame.codebook_after).all()
    lens.reset()
    assert "forward" not in _taken(config, lens).code, "what came after the first step is forgotten"


def test_more_changes_than_a_few_lines_hold(carried_out: Run) -> None:
    config, lens = _lens()
    for _ in range(6):
        for kept in (True, False):
            lens.change(kept=kept)
            lens.forward()
    snippet = _taken(config, lens)
    assert "Reset" in snippet.note and snippet.prints == ""
    carried_out(snippet)


def test_without_results_nothing_is_promised(model: RunFolder) -> None:
    assert looking.diagnosed(model, None).prints == ""
    assert last(model).books
