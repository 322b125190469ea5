"""What was done to a run while it trained, as marks on its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vqcore.config.paths import leaf, titled
from vqcore.plots.figure import Mark
from vqcore.records import Event, Step

# what a mark calls a field: a word that fits beside a line
SHORT: dict[str, str] = {
    "lr": "learning rate",
    "steps": "steps",
    "speed_limit": "steps per second at most",
    "commitment_weight": "β",
    "ema_decay": "EMA decay",
    "revival_threshold": "revival under",
    "learning": "learning",
    "estimator": "gradient",
    "init": "start",
    "init_scale": "spread of the start",
    "distance": "distance",
    "start_after": "codes start after",
    "stage_dropout": "stage dropout",
}
VALUES: dict[str, str] = {"ema": "EMA", "straight_through": "straight-through", "l2": "l2", "euclidean": "Euclidean"}
ACTS: dict[str, str] = {"revive": "revive", "kmeans": "k-means", "late": "late start"}
# treatments that change what is summed into the loss: the word on the loss curve, and the sentence beside the run
SUM_MARKS: dict[str, str] = {"ema": "EMA: codebook term not in sum", "gradient": "gradient: codebook term in sum"}
SUM_SENTENCES: dict[str, str] = {
    "ema": "From here the codebook term is no longer in the sum: the loss falls by that term at once, which is no improvement.",
    "gradient": "From here the codebook term is in the sum again: the loss rises by that term at once, which is no harm.",
}
WEIGHTS: dict[str, str] = {"commitment_weight": "commitment", "codebook_weight": "codebook"}
# these change how long and how fast a run goes, not what it learns
SILENT = frozenset({"train.speed_limit", "train.steps"})


def treatments(events: Sequence[Event], *, on_loss: bool = False) -> list[Mark]:
    """A mark for each treatment that counts: those after a checkpoint that the run went back to are undone.

    `on_loss`: for the curve of the loss, where a change of what is summed is said.
    """
    marks: list[Mark] = []
    for event in events:
        if event.kind == "started":
            marks = []
        elif event.kind == "resumed":
            marks = [mark for mark in marks if mark.step <= event.step]
        elif event.kind == "treated":
            changes = event.data.get("changes") or {}
            words = described(changes) if changes else ACTS.get(str(event.data.get("command")), "treated")
            if on_loss and (learning := _by_field(changes).get("learning")) in SUM_MARKS:
                words = SUM_MARKS[str(learning)]
            if words:
                marks.append(Mark(event.step, words))
    return marks


def reason(changes: Mapping[str, Any]) -> str:
    """Why the loss jumps where these changes were made, in sentences; "" where nothing of its sum changed."""
    fields = _by_field(changes)
    sentences = [SUM_SENTENCES[str(fields["learning"])]] if fields.get("learning") in SUM_SENTENCES else []
    for name, term in WEIGHTS.items():
        if name in fields:
            sentences.append(f"From here the {term} term counts {_value(fields[name])} times in the sum: compare the terms, not the loss.")
    return " ".join(sentences)


def aftermath(event: Event, steps: Sequence[Step]) -> str:
    """What was measured after a treatment of the codes, in a sentence; "" before there is a point of the curves after it."""
    before = next((step for step in reversed(steps) if step.step <= event.step), None)
    after = next((step for step in steps if step.step > event.step), None)
    if before is None or after is None or not before.books or not after.books:
        return ""
    was, now = (sum(book.used_epoch for book in step.books) for step in (before, after))
    parts = [f"Codes used: {was:,}, at step {after.step:,} {now:,}."]
    old, new = before.terms.get("commitment"), after.terms.get("commitment")
    if old is not None and new is not None and old > 0:
        parts.append(f"The commitment term {'rose' if new > old else 'fell'} from {old:.3g} to {new:.3g}{_because(before, after)}.")
    return " ".join(parts)


def _because(before: Step, after: Step) -> str:
    """Why the commitment term moved, where the lengths of the vectors say it."""
    if before.z_norm <= 0 or abs(after.z_norm / before.z_norm - 1) < 0.05:
        return ""
    rose = after.terms["commitment"] > before.terms["commitment"]
    grew = after.z_norm > before.z_norm
    return f", as the encoder outputs it measures became {'longer' if grew else 'shorter'}" if rose == grew else ""


def described(changes: Mapping[str, Any], *, silent: bool = False) -> str:
    """Changes by dotted path in a few words, as in "β = 0.5, learning = EMA"; of what does not touch learning only if `silent`."""
    told: dict[tuple[str, str], list[str]] = {}
    for path, value in changes.items():
        if silent or path not in SILENT:
            told.setdefault((SHORT.get(leaf(path), leaf(path)), _value(value)), []).append(path)
    # what is set in every stage at once is told once
    return ", ".join(f"{titled(paths[0], name) if len(paths) == 1 else name} = {value}" for (name, value), paths in told.items())


def _by_field(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The new values by the field's own name, whichever codebook it belongs to."""
    return {leaf(path): value for path, value in changes.items()}


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else VALUES.get(str(value), str(value))
