"""The lines that compare runs by their last evaluation, and both runs of the bug museum. For Runs and Museum."""

from __future__ import annotations

from collections.abc import Sequence

from vqcore.museum.trial import Pair, Trial
from vqcore.records import Evaluation, PriorEvaluation
from vqcore.runs.folder import RunFolder
from vqcore.snippets.snippet import Snippet, imports, literal, opened

_MOST = 8  # runs that a few lines hold


def runs(folders: Sequence[RunFolder]) -> Snippet | None:
    """The last evaluation of each run; None when none of them has one yet. Raises RunError."""
    found = [(folder, last) for folder in folders if (last := _last(folder)) is not None][:_MOST]
    if not found:
        return None
    listed = "".join(f"    {opened(folder)},\n" for folder, _ in found)
    code = f"""
runs = [
{listed}]
for run in runs:
    last = [record for record in run.metrics().records if isinstance(record, Evaluation | PriorEvaluation)][-1]
    figure = f"NMSE {{last.nmse:.4f}}" if isinstance(last, Evaluation) else f"{{last.bits:.3f}} bits per code"
    print(f"{{run.id}}: step {{last.step}}, {{figure}}")
"""
    names = ("pathlib:Path", "vqcore.records:Evaluation", "vqcore.records:PriorEvaluation", "vqcore.runs.folder:RunFolder")
    prints = "\n".join(f"{folder.id}: step {last.step}, {_figure(last)}" for folder, last in found)
    return Snippet("Compare their last evaluations", f"{imports(*names)}\n{code}", prints, "The right ends of the curves.")


def _last(folder: RunFolder) -> Evaluation | PriorEvaluation | None:
    evaluations = [record for record in folder.metrics().records if isinstance(record, Evaluation | PriorEvaluation)]
    return evaluations[-1] if evaluations else None


def _figure(last: Evaluation | PriorEvaluation) -> str:
    return f"NMSE {last.nmse:.4f}" if isinstance(last, Evaluation) else f"{last.bits:.3f} bits per code"


def museum(shown: Pair) -> Snippet:
    """Both runs of an exhibit, trained anew."""
    code = f"""
found = pair({literal(shown.key)}, seed={shown.seed})
for name, trial in (("Without the bug", found.healthy), ("With the bug", found.buggy)):
    print(f"{{name}}: NMSE {{trial.nmse[-1]:.4g}}" if trial.nmse else f"{{name}}: {{trial.problem}}")
"""
    prints = "\n".join((_line("Without the bug", shown.healthy), _line("With the bug", shown.buggy)))
    note = "Trains both: some seconds. `found.buggy.series` holds the curves. The same processor gives the same figures."
    return Snippet("Train both anew", f"{imports('vqcore.museum.train:pair')}\n{code}", prints, note)


def _line(name: str, trial: Trial) -> str:
    return f"{name}: NMSE {trial.nmse[-1]:.4g}" if trial.nmse else f"{name}: {trial.problem}"
