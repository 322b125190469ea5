"""The lines that take one training step under the microscope, as Snap shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vqcore.config.run import RunConfig, treatable_paths
from vqcore.snippets.snippet import LINES, Snippet, imports, literal, written

if TYPE_CHECKING:
    from vqcore.analysis.microscope import Setting

_NAMES = ("vqcore.analysis.microscope:Microscope", "vqcore.config.run:RunConfig", "vqcore.data.registry:load")
_MOST = 8  # acts that a few lines can hold


def step(started: RunConfig, start: int, trail: Sequence[Setting], told: tuple[int, float, float] | None) -> Snippet:
    """From the setup's first step, `start` steps after its beginning, through every step of `trail` to the one under the lens, its last.

    `told`: number of that step, the loss before and after it.
    """
    acts = _acts(started, trail)
    prints = f"step {told[0]}: loss {told[1]:.4g}, after it {told[2]:.4g}" if told is not None else ""
    note = "The trainer's own step, taken apart; microscope.frame holds every number of it."
    if len(acts) > _MOST:
        acts = acts[:0]
        prints = ""
        note = "So much was changed on the way that a few lines cannot repeat it: this is the first step. Press Reset to begin there."
    begun = f", start={start}" if start else ""
    lines = "\n".join(
        [
            f"config = {written(started)}",
            f"microscope = Microscope(config, load(config.data){begun})",
            *acts,
            "frame = microscope.frame",
            'print(f"step {frame.step}: loss {frame.loss:.4g}, after it {frame.loss_after:.4g}")',
        ]
    )
    code = f"{imports(*_NAMES)}\n\n{lines}\n"
    assert len(code.splitlines()) <= LINES
    return Snippet("Take this step", code, prints, note)


def _acts(started: RunConfig, trail: Sequence[Setting]) -> list[str]:
    """Calls of the microscope, in order; steps under unchanged settings are one call."""
    acts: list[str] = []
    config, held, waiting = started, {"frozen": False, "kept": False}, 0
    for place, setting in enumerate(trail):
        waiting += place > 0
        old = treatable_paths(config)
        paths = {path: value for path, value in treatable_paths(setting.config).items() if value != old[path]}
        switched = {name: value for name, value in (("frozen", setting.frozen), ("kept", setting.kept)) if value != held[name]}
        if paths or switched:
            acts += [_forward(waiting)] if waiting else []
            given = [literal(paths, used=44)] if paths else []  # so much stands beside them
            acts.append(f"microscope.change({', '.join(given + [f'{name}={value}' for name, value in switched.items()])})")
            config, held, waiting = setting.config, held | switched, 0
    return acts + ([_forward(waiting)] if waiting else [])


def _forward(steps: int) -> str:
    return f"microscope.forward({steps if steps > 1 else ''})"
