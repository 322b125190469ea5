"""Training anew gives the very figures of the run, bit for bit; its checkpoint gives them too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.snippets.small import last
from vqcore.control import Planned
from vqcore.runs.folder import RunFolder
from vqcore.runs.treatments import commands
from vqcore.snippets import training
from vqcore.snippets.snippet import ROOT, Snippet

Run = Callable[[Snippet], tuple[list[str], dict[str, Any]]]
DEMO = ROOT / "assets" / "demo"


@pytest.mark.parametrize("which", ["model", "treated"])
def test_a_run_trained_anew_ends_on_the_same_bits(which: str, request: pytest.FixtureRequest, carried_out: Run) -> None:
    run: RunFolder = request.getfixturevalue(which)
    anew, checkpoint = training.of_model(run, run.config(), run.events().records, last(run))
    lines, space = carried_out(anew)
    assert lines[-1] == anew.prints
    assert space["record"] is not None and lines[:-1], "earlier evaluations are printed as well"
    found = space["book"], space["record"].step
    assert found == (last(run).books[0], 60), "every figure of the codebook, not only those that are printed"
    lines, space = carried_out(checkpoint)
    assert lines == [checkpoint.prints]
    assert space["found"].nmse == pytest.approx(last(run).nmse, rel=1e-6)


def test_treatments_come_at_their_steps(treated: RunFolder) -> None:
    planned = commands(treated.events().records)
    given = [(step, command) for step, several in planned.items() for command in several]
    assert [command.kind for _, command in given] == ["revive", "treat"], "the pace is left out"
    assert all(step >= 10 for step, _ in given)
    control = Planned(planned)
    polled = [tuple(control.poll()) for _ in range(60)]
    assert {step: list(found) for step, found in enumerate(polled) if found} == planned
    anew = training.of_model(treated, treated.config(), treated.events().records, None)[0]
    assert "0.5" in anew.code and anew.prints == ""


def test_more_than_a_few_lines_hold_is_read_from_the_run(treated: RunFolder, carried_out: Run) -> None:
    events = treated.events().records
    many = [replace(event, step=step) for step in range(10) for event in events if event.kind == "treated"]
    snippet = training.of_model(treated, treated.config(), [*events, *many], last(treated))[0]
    assert "commands(run.events().records)" in snippet.code
    assert carried_out(snippet)[0][-1] == snippet.prints


def test_both_sides_of_a_pair(model: RunFolder, treated: RunFolder, carried_out: Run) -> None:
    sides = [(name, run, run.events().records, last(run)) for name, run in (("Untreated", model), ("Treated", treated))]
    snippet = training.of_pair(model.config(), sides)
    lines, _ = carried_out(snippet)
    assert "\n".join(lines) == snippet.prints
    assert last(model).nmse != last(treated).nmse


def test_a_prior_trained_anew_ends_on_the_same_bits(prior: RunFolder, carried_out: Run) -> None:
    anew, checkpoint = training.of_prior(prior, prior.config(), prior.events().records, last(prior))  # type: ignore[arg-type]
    lines, space = carried_out(anew)
    assert lines[-1] == anew.prints
    assert space["trainer"].step == 20
    lines, space = carried_out(checkpoint)
    assert lines == [checkpoint.prints]
    assert space["bits"].mean() == pytest.approx(last(prior).bits, rel=1e-5)


@pytest.mark.parametrize("path", sorted(DEMO.iterdir()), ids=lambda path: path.name)
def test_a_bundled_checkpoint_gives_its_figures(path: Path, carried_out: Run) -> None:
    run = RunFolder(path)
    config = run.config()
    told = training.of_prior if config.kind == "prior" else training.of_model  # type: ignore[comparison-overlap]
    snippet = told(run, config, run.events().records, last(run))[1]  # type: ignore[arg-type]
    assert f"assets/demo/{path.name}" in snippet.code and str(ROOT) not in snippet.code
    (line,), space = carried_out(snippet)
    if config.kind == "prior":
        assert space["bits"].mean() == pytest.approx(last(run).bits, rel=1e-3)
    else:
        # another processor rounds otherwise, and a vector between two codes may then fall to the other
        assert space["found"].nmse == pytest.approx(last(run).nmse, rel=1e-2)
        assert abs(space["book"].used - last(run).books[0].used) <= 1
    assert line.startswith(snippet.prints[:4])


def test_it_runs_as_a_file_of_its_own(model: RunFolder, tmp_path: Path) -> None:
    snippet = training.of_model(model, model.config(), (), last(model))[1]
    file = tmp_path / "mine.py"
    file.write_text(snippet.code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == snippet.prints
