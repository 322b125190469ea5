"""What Runs, Museum and Invent's tabs show is what their lines give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vqcore.analysis import invent
from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.trial import BUNDLED, read
from vqcore.runs.analysis import read as read_result
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import TRAINED
from vqcore.snippets import comparing, drawing
from vqcore.snippets.snippet import Snippet

Run = Callable[[Snippet], tuple[list[str], dict[str, Any]]]


def test_runs_side_by_side(model: RunFolder, treated: RunFolder, prior: RunFolder, carried_out: Run) -> None:
    snippet = comparing.runs([model, treated, prior])
    assert snippet is not None
    lines, _ = carried_out(snippet)
    assert "\n".join(lines) == snippet.prints
    assert [line.split(":")[0] for line in lines] == [model.id, treated.id, prior.id]
    assert "NMSE" in lines[0] and "bits per code" in lines[2]


def test_runs_without_an_evaluation_have_no_lines(tmp_path: Path, model: RunFolder) -> None:
    assert comparing.runs([RunFolder.create(tmp_path, model.config(), name="waits")]) is None


def test_both_runs_of_an_exhibit(carried_out: Run) -> None:
    shown = read([BUNDLED], "loss_on_output", 0, EXHIBITS["loss_on_output"].run(0).identity)
    assert shown is not None
    snippet = comparing.museum(shown)
    lines, _ = carried_out(snippet)
    assert len(lines) == 2
    for line, wanted in zip(lines, snippet.prints.splitlines(), strict=True):
        name, _, value = wanted.rpartition(" ")
        assert line.startswith(name) and float(line.rpartition(" ")[2]) == pytest.approx(float(value), rel=0.05)


@pytest.mark.parametrize("kind", ["filling", "completions", "nearest"])
def test_what_the_tabs_of_invent_ask(prior: RunFolder, carried_out: Run, tmp_path: Path, kind: str) -> None:
    drawn = {"rung": TRAINED, "number": 3, "label": -1, "temperature": 0.7, "top_k": 5, "seed": 2}
    settings = {
        "filling": drawn | {"which": 1},
        "completions": {"rung": TRAINED, "image": 2, "kept": 50, "number": 3, "temperature": 1.0, "top_k": 0, "seed": 1},
        "nearest": drawn,
    }[kind]
    scratch = tmp_path / "first"
    invent.samples(str(prior.path), str(scratch), **drawn)
    arrays = read_result(RunFolder(prior.path, read_only=True), scratch, getattr(invent, kind)(str(prior.path), str(scratch), **settings))
    assert arrays is not None
    snippet = drawing.below(prior, kind, settings, arrays)
    assert "\n".join(carried_out(snippet)[0]) == snippet.prints != ""
