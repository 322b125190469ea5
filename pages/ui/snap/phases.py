"""The six phases of a step, and the line of `vqcore` that does each: found in the source by what it says, so that it cannot rot."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from vqcore.config.quantizer import VQConfig

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Phase:
    """`title` is on its button, `sentence` over its picture."""

    title: str
    sentence: str


PHASES: dict[str, Phase] = {
    "encode": Phase("Encode", "The encoder puts every input at a point: its z_e."),
    "distances": Phase("Distances", "How far is the chosen z_e from every code?"),
    "argmin": Phase("Argmin", "The nearest code wins: each code owns a cell."),
    "z_q": Phase("z_q", "z_e snaps to its code: all that the decoder sees."),
    "gradient": Phase("Gradient", "The gradient at z_q is copied to z_e."),
    "move": Phase("Move", "Codes and encoder move; hollow marks were before."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a function: the one of `target` ("module:qualified.name") that holds `text`."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """`file` below the repository's root, `number` from 1, `code` without its indentation."""

    file: str
    number: int
    code: str


_CHOOSE = "vqcore.quantizers.vq:VQ.choose"
_UPDATE = "vqcore.quantizers.vq:VQ.update_"
_LOOKUP = "vqcore.quantizers.lookup:nearest_code"
_STEP = "vqcore.training.trainer:Trainer.learn_"
_ESTIMATORS = {
    "straight_through": Place("vqcore.quantizers.gradients:straight_through", "return z_q.detach()"),
    "rotation": Place("vqcore.quantizers.gradients:rotation", "turned = "),
}
_COMMITMENT = Place(_CHOOSE, "commitment_term = _mean_square(")
_MOVES = {
    "gradient": (Place(_CHOOSE, "codebook_term = _mean_square("), Place(_STEP, "self.optimizer.step()")),
    "ema": (Place(_UPDATE, "step = (1 - decay)"), Place(_UPDATE, "self.codebook.copy_(")),
}
_PLAIN = {
    "encode": (Place("vqcore.models.vqvae:VQVAE.outputs", "self.encoder(x)"),),
    "distances": (Place(_LOOKUP, "torch.addmm("),),
    "argmin": (Place(_LOOKUP, ".argmin(1)"),),
    "z_q": (Place(_CHOOSE, "codes = F.embedding("), Place("vqcore.models.vqvae:VQVAE.forward", "raw = ")),
}


def places(phase: str, quantizer: VQConfig) -> tuple[Place, ...]:
    """Where `vqcore` does what the phase shows, under these settings."""
    if phase == "gradient":
        return _ESTIMATORS[quantizer.estimator], _COMMITMENT
    if phase == "move":
        return _MOVES[quantizer.learning]
    return _PLAIN[phase]


@lru_cache(maxsize=64)
def line(place: Place) -> Line:
    """The place in the source as it is now. Read as text: importing it would load torch. Raises LookupError."""
    module, _, name = place.target.partition(":")
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise LookupError(f"{module} is not installed")
    path = Path(spec.origin)
    text = path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        node = next(
            (child for child in ast.iter_child_nodes(node) if isinstance(child, ast.ClassDef | ast.FunctionDef) and child.name == part),
            node,
        )
    if not isinstance(node, ast.FunctionDef) or node.end_lineno is None:
        raise LookupError(f"there is no function {place.target}")
    rows = text.splitlines()
    found = [i for i in range(node.lineno, node.end_lineno) if place.text in rows[i]]
    if len(found) != 1:
        raise LookupError(f"{place.target} holds {place.text!r} {len(found)} times, not once")
    return Line(path.relative_to(ROOT).as_posix(), found[0] + 1, rows[found[0]].strip())
