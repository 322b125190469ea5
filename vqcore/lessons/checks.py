"""The checks of lessons: what must be seen in a student's runs, grids and notes, item by item with its figures. No torch.

A check never judges an error's size against a number from elsewhere: it compares what this student's own runs recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.clinic.treatments import TREATMENTS
from vqcore.clinic.walk import early_walk
from vqcore.config.prior import PixelCNNConfig, TransformerConfig
from vqcore.config.run import PriorRunConfig
from vqcore.errors import RunError
from vqcore.lessons import schema
from vqcore.lessons.evidence import Evidence, Seen, layout_of
from vqcore.lessons.schema import Lesson
from vqcore.records import BookSnapshot, Evaluation, Event

SAME = 1e-6  # of the larger one: what two sums of the same numbers in float32 may differ by
ALIKE = 1.35  # two measurements of use that count as alike: neither is so many times the other
ONE_LEVEL = 1  # of 255: the same picture twice, decoded in other company


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that the check asks for: whether it is so, and a sentence with the figures, or what is still to do."""

    done: bool
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed` when every item is done."""

    items: tuple[Item, ...]

    @property
    def passed(self) -> bool:
        return bool(self.items) and all(item.done for item in self.items)

    @property
    def told(self) -> str:
        """All of it as one line."""
        return " ".join(f"[{'x' if item.done else ' '}] {item.text}" for item in self.items)


def check(lesson: Lesson, evidence: Evidence) -> Verdict:
    """Whether the lesson was done as intended. What cannot be read counts as not done."""
    return _CHECKS[lesson.check.kind](lesson, lesson.check, evidence)


# ── runs ──


def _finished(lesson: Lesson, key: str, evidence: Evidence) -> tuple[Item, Seen | None]:
    """The newest run of an act that has finished untreated, and the item that asks for it."""
    act = lesson.act(key)
    found = evidence.of(act)
    done = next((seen for seen in found if seen.state == "finished" and seen.steps and seen.evaluations), None)
    if done is not None:
        return Item(True, f"The run “{act.name}” has finished."), done
    if any(seen.state not in ("failed", "stopped", "interrupted") for seen in found):
        return Item(False, f"The run “{act.name}” is not at its end yet."), None
    if found:
        return Item(False, f"The run “{act.name}” ended early: start it again."), None
    if evidence.of(act, treated=True):
        return Item(False, f"The run “{act.name}” was treated while it trained: start it again and leave it alone."), None
    return Item(False, f"The run “{act.name}” is missing: start it from this lesson."), None


def _used(evaluation: Evaluation) -> int:
    return evaluation.books[0].used


def _few_pictures(lesson: Lesson, told: schema.FewPictures, evidence: Evidence) -> Verdict:
    item, seen = _finished(lesson, told.run, evidence)
    gallery = seen.run.gallery() if seen else None
    if seen is None or gallery is None or len(gallery.indices) != 1:
        return Verdict((item,))
    K = seen.book.K
    index = gallery.indices[0].reshape(len(gallery.inputs), -1)  # (N, M)
    shown = gallery.reconstructions.astype(np.int16)
    codes = np.unique(index)
    alone = index.shape[1] == 1
    steady = alone and all(int(np.ptp(shown[index[:, 0] == code], axis=0).max()) <= ONE_LEVEL for code in codes)
    inputs = len(np.unique(gallery.inputs, axis=0))
    return Verdict(
        (
            item,
            Item(alone and 1 < len(codes) <= K, f"{inputs} different pictures went in; {len(codes)} of {K} codes answered."),
            Item(steady, "Pictures with the same code came out as the same picture."),
        )
    )


def _equal_terms(lesson: Lesson, told: schema.EqualTerms, evidence: Evidence) -> Verdict:
    item, seen = _finished(lesson, told.run, evidence)
    if seen is None:
        return Verdict((item,))
    pairs = [(step.terms.get("codebook"), step.terms.get("commitment")) for step in seen.steps]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    apart = max((abs(one - other) / max(abs(one), abs(other), 1e-30) for one, other in known), default=np.inf)
    within = "exactly" if apart == 0 else f"but for {100 * apart:.2g} %"
    first, last = (seen.steps[i].terms.get("reconstruction", np.nan) for i in (0, -1))
    return Verdict(
        (
            item,
            Item(
                len(known) == len(pairs) and apart <= SAME,
                f"Codebook and commitment term agree at all {len(known)} points, {within}.",
            ),
            Item(bool(last < first), f"The reconstruction term is another number: it went from {first:.2f} to {last:.2f}."),
        )
    )


def _runaway(lesson: Lesson, told: schema.Runaway, evidence: Evidence) -> Verdict:
    items: list[Item] = []
    for key, away in ((told.run, True), (told.other, False)):
        item, seen = _finished(lesson, key, evidence)
        items.append(item)
        if seen is None:
            continue
        last, K = seen.steps[-1], seen.book.K
        lead = last.z_norm / max(last.books[0].e_norm, 1e-30)
        used, beta = _used(seen.evaluations[-1]), seen.config.plain_vq().commitment_weight
        fits = (lead >= told.times and used <= K / 2) if away else (lead < told.times and used > K / 2)
        items.append(Item(fits, f"With β = {beta:g}, |z_e| ends {_many(lead)} as long as the codes, and {used} of {K} are in use."))
    return Verdict(tuple(items))


def _left_behind(lesson: Lesson, told: schema.LeftBehind, evidence: Evidence) -> Verdict:
    items: list[Item] = []
    found: list[Seen] = []
    for key in (told.run, told.other):
        item, seen = _finished(lesson, key, evidence)
        items.append(item)
        found += [seen] if seen else []
    if len(found) < 2:
        return Verdict(tuple(items))
    first, late = found
    walk = early_walk(first.walks)
    if walk is None:
        items.append(Item(False, "The first run has no record of its encoder's walk: start it again."))
    else:
        words = f"In {walk.steps} steps its encoder walked {_many(walk.times)} the distance to the nearest codes"
        items.append(Item(walk.times >= told.times, f"{words}, {100 * walk.common:.0f} % of it in one direction."))
    steps = [seen.steps[-1].step for seen in found]
    items.append(Item(steps[0] == steps[1], f"Both were trained for as long: {steps[0]:,} and {steps[1]:,} steps."))
    used = [_used(seen.evaluations[-1]) for seen in found]
    start, K = late.config.codes_start, first.evaluations[-1].books[0].K
    words = f"With codes from the first step on {used[0]:,} of {K:,} are in use, with codes from step {start:,} on {used[1]:,}"
    items.append(Item(used[1] >= told.more * used[0], f"{words}."))
    return Verdict(tuple(items))


def _many(times: float) -> str:
    return f"{times:,.0f} times" if times >= 10 else f"{times:.1f} times"


def _cured(lesson: Lesson, told: schema.Cured, evidence: Evidence) -> Verdict:
    act = lesson.act(told.run)
    ways: dict[frozenset[str], str] = {}
    failed: list[str] = []
    for seen in evidence.of(act, treated=True):
        K, events = seen.book.K, seen.treatments
        earlier = [evaluation for evaluation in seen.evaluations if evaluation.step <= events[0].step]
        later = [evaluation for evaluation in seen.evaluations if evaluation.step > events[-1].step]
        if not earlier or not later:
            failed.append("A treated run was not evaluated before and after: let it train on.")
            continue
        before, after = _used(earlier[-1]), _used(later[-1])
        names = frozenset().union(*(_way(event) for event in events))
        words = " and ".join(sorted(names))
        if before > told.before * K:
            failed.append(f"{words}: {before} of {K} codes were still in use, so there was nothing to cure yet.")
        elif after < told.after * K:
            failed.append(f"{words}: {before} of {K} codes in use before, {after} after. Not cured so far.")
        else:
            ways.setdefault(names, f"{words}: {before} of {K} codes in use before, {after} after.")
    items = [Item(True, text) for text in ways.values()]
    missing = max(0, told.ways - len(ways))
    if missing:
        items += [Item(False, text) for text in failed]
        items.append(
            Item(False, f"{missing} more {'cure' if missing == 1 else 'different cures'} to try, each on a new run of “{act.name}”.")
        )
    return Verdict(tuple(items))


def _way(event: Event) -> frozenset[str]:
    """What a treatment did, in words: an act on the codes, or each setting that it changed."""
    command = event.data.get("command")
    if command in ("revive", "kmeans", "late"):
        return frozenset({TREATMENTS[command].title})
    changes = event.data.get("changes") or {}
    return frozenset(str(path).rpartition(".")[2].replace("_", " ") for path in changes)


def _same_bits(lesson: Lesson, told: schema.SameBits, evidence: Evidence) -> Verdict:
    items: list[Item] = []
    found: list[Seen | None] = []
    for key in (told.run, told.other, told.third):
        item, seen = _finished(lesson, key, evidence)
        items.append(item)
        found.append(seen)
    run, other, third = found
    if run and other and third:
        bits = [seen.evaluations[-1].books[0].capacity_bits for seen in (run, other, third)]
        K, D = ([getattr(seen.book, name) for seen in (run, other, third)] for name in ("K", "D"))
        items.append(Item(bits[0] == bits[1] and D[0] != D[1], f"D from {D[0]} to {D[1]}: {bits[0]:g} bits an image, and {bits[1]:g}."))
        items.append(Item(bits[2] > bits[0] and K[2] > K[0], f"K from {K[0]} to {K[2]}: {bits[0]:g} bits an image, and {bits[2]:g}."))
    return Verdict(tuple(items))


def _counted_few(lesson: Lesson, told: schema.CountedFew, evidence: Evidence) -> Verdict:
    items: list[Item] = []
    batch: list[float] = []
    whole: list[float] = []
    for key in (told.run, told.other):
        item, seen = _finished(lesson, key, evidence)
        items.append(item)
        if seen is None:
            continue
        late = seen.steps[-max(1, len(seen.steps) // 4) :]
        batch.append(float(np.mean([step.books[0].batch_perplexity for step in late])))
        book = seen.evaluations[-1].books[0]
        whole.append(book.perplexity)
        items.append(
            Item(
                True,
                f"Batches of {seen.config.train.batch_size}: perplexity {batch[-1]:.1f} in a batch, {book.perplexity:.1f} over all "
                f"{book.vectors:,} validation vectors.",
            )
        )
    if len(batch) == 2:
        items.append(Item(batch[1] >= told.times * batch[0], f"Counted in batches, one looks {batch[1] / batch[0]:.1f} times as good."))
        ratio = max(whole) / min(whole)
        items.append(Item(ratio <= ALIKE, f"Counted on the same pictures, they differ by {100 * (ratio - 1):.0f} %."))
    return Verdict(tuple(items))


def _ladder(lesson: Lesson, told: schema.Ladder, evidence: Evidence) -> Verdict:
    item, _ = _finished(lesson, told.run, evidence)
    found = [seen for seen in evidence.priors(lesson.act(told.run)) if seen.state == "finished" and seen.prior_evaluations]
    looking = [seen for seen in found if _looks(seen)]
    if not looking:
        return Verdict((item, Item(False, "A finished PixelCNN or Transformer over the codes of this run is missing.")))
    last = min((seen.prior_evaluations[-1] for seen in looking), key=lambda evaluation: evaluation.bits)
    return Verdict(
        (
            item,
            Item(
                last.histogram_bits < last.uniform_bits,
                f"Uniform {last.uniform_bits:.2f} bits a code, histogram {last.histogram_bits:.2f}.",
            ),
            Item(last.bits < last.position_bits, f"Histogram per cell {last.position_bits:.2f}, with neighbours {last.bits:.2f}."),
            Item(last.bits < last.histogram_bits, f"Saved by looking: {last.histogram_bits - last.bits:.2f} bits a code."),
        )
    )


def _looks(seen: Seen) -> bool:
    return isinstance(seen.config, PriorRunConfig) and isinstance(seen.config.prior, PixelCNNConfig | TransformerConfig)


def _unmoved(lesson: Lesson, told: schema.Unmoved, evidence: Evidence) -> Verdict:
    items: list[Item] = []
    for key in (told.run, told.other):
        item, seen = _finished(lesson, key, evidence)
        items.append(item)
        ends = _ends(seen) if seen else None
        if seen is None or ends is None:
            continue
        first, last = ends
        moved = np.linalg.norm(last.codebook.astype(np.float64) - first.codebook.astype(np.float64), axis=1)
        never = last.age < 0
        way = "copied" if seen.config.plain_vq().estimator == "straight_through" else "rotated"
        if not never.any() or never.all():
            items.append(Item(False, f"Gradient {way}: {int(never.sum())} of {len(never)} codes were never chosen, too few or all."))
            continue
        items.append(
            Item(
                bool((moved[never] == 0).all() and moved[~never].max() > 0),
                f"Gradient {way}: {int(never.sum())} codes were never chosen and moved by {moved[never].max():g}; "
                f"the chosen ones by up to {moved[~never].max():.2f}.",
            )
        )
    return Verdict(tuple(items))


def _ends(seen: Seen) -> tuple[BookSnapshot, BookSnapshot] | None:
    """The first codebook before any training, and the last."""
    steps = seen.run.snapshots()
    if len(steps) < 2 or steps[0] != 0:
        return None
    try:
        first, last = seen.run.snapshot(steps[0]), seen.run.snapshot(steps[-1])
    except RunError:
        return None
    return (first.books[0], last.books[0]) if first and last and first.books and last.books else None


# ── what screens left ──


def _copied_gradient(lesson: Lesson, told: schema.CopiedGradient, evidence: Evidence) -> Verdict:
    items = []
    for estimator, copied, words in (("straight_through", True, "Copied"), ("rotation", False, "Rotated")):
        note = evidence.notes.get(f"snap.{estimator}")
        if not isinstance(note, Mapping) or note.get("estimator") != estimator or not isinstance(note.get("apart"), int | float):
            items.append(Item(False, f"{words}: not looked at yet. Choose it on Snap under Customise, then press Step."))
            continue
        apart = float(note["apart"])
        text = f"{words}: between the decoder's gradient and what z_e is sent lies {100 * apart:.0f} % of its length."
        items.append(Item((apart <= SAME) == copied and bool(note.get("arrives")), text))
    return Verdict(tuple(items))


def _shuffled(lesson: Lesson, told: schema.Shuffled, evidence: Evidence) -> Verdict:
    item, seen = _finished(lesson, told.run, evidence)
    if seen is None:
        return Verdict((item,))
    layout, gallery = layout_of(seen.run), seen.run.gallery()
    grids = evidence.grids.get(seen.run.id, ())
    if layout is None or gallery is None or not grids:
        return Verdict((item, Item(False, "No grid of this run is saved: shuffle one on Paint, then save it.")))
    codes = layout.join(gallery.indices)  # (N, M)
    best = max((_rearranged(grid.codes, codes) for grid in grids), default=0)
    half = layout.length // 2
    if best < half:
        return Verdict((item, Item(False, "No saved grid has exactly the codes of one of the pictures, most of them in other cells.")))
    return Verdict(
        (item, Item(True, f"A saved grid has the codes of a picture, each as often; {best} of {layout.length} cells hold another one."))
    )


def _rearranged(grid: NDArray[np.int64], codes: NDArray[np.int64]) -> int:
    """In how many cells the grid (M,) differs from the picture of `codes` (N, M) that it rearranges; 0 when it rearranges none."""
    same = (np.sort(codes, axis=1) == np.sort(grid)).all(axis=1)
    return int((codes[same] != grid).sum(axis=1).min()) if same.any() else 0


_CHECKS: Mapping[str, Callable[[Lesson, Any, Evidence], Verdict]] = {
    "few_pictures": _few_pictures,
    "copied_gradient": _copied_gradient,
    "equal_terms": _equal_terms,
    "runaway": _runaway,
    "cured": _cured,
    "same_bits": _same_bits,
    "counted_few": _counted_few,
    "ladder": _ladder,
    "unmoved": _unmoved,
    "left_behind": _left_behind,
    "shuffled": _shuffled,
}
