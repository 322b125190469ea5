"""What is wrong with a codebook, in words computed from what a run has recorded, and which treatment to try first.

It reads the configuration as a clinician reads the chart, and knows nothing of presets. The limits below were set on this
project's own runs (`python -m tests.benchmarks.clinic`): they are rules of thumb, and the words say "often" where they guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vqcore.clinic.findings import Finding, findings, in_figures, spreads, times
from vqcore.clinic.signs import Signs, signs
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.records import BookSnapshot, Evaluation, Step

USED_ENOUGH = 0.8  # share of K in use that counts as healthy
MENDING = 0.1  # rise of that share over the last quarter of the run that counts as getting better by itself
RUNAWAY_GROWTH = 5.0  # |z_e| against its start
RUNAWAY_LEAD = 2.0  # |z_e| against codes in use
HOLDS = 0.05  # commitment weight
TRAINED_EPOCHS = 5.0  # after which an error above the mean picture's, or codes out of use, are no longer a start's
AMPLE = 50.0  # vectors of an epoch for each code: by number they could all find work
NO_BETTER = 1.2  # times the mean picture's error
HIGH_LR = 5e-3  # Adam
FAR = 3.0  # distance of dead codes to the nearest output, in spreads
SAME_LENGTH = 4.0  # dead codes are neither this much longer nor this much shorter than outputs
MANY_NUMBERS = 16  # D


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """`pattern` names what the findings look like; `meaning` says what that usually means.

    `first` is the key of the treatment to try first ("" when there is nothing to treat, or nothing that would help), `also`
    are others that may help. `healthy`: nothing to treat.
    """

    findings: tuple[Finding, ...]
    pattern: str
    meaning: str
    first: str
    also: tuple[str, ...]
    healthy: bool


def diagnose(
    config: RunConfig, book: BookSnapshot, steps: Sequence[Step], evaluations: Sequence[Evaluation], epoch_steps: int
) -> Diagnosis:
    """Look at one codebook as of its snapshot.

    `config` is the effective one, after treatments. `steps` and `evaluations` are the run's, in order, up to the snapshot; either
    may be empty. `epoch_steps` is how many steps an epoch has (0: not known).
    """
    found = signs(config, book, steps, evaluations, epoch_steps)
    own = _settings_of(config, book.name)
    pattern, meaning, first, also, healthy = _judged_fixed(found) if own is None else _judged(own, config.train.lr, found)
    return Diagnosis(findings(own, found), pattern, meaning, first, also, healthy)


Verdict = tuple[str, str, str, tuple[str, ...], bool]


def _settings_of(config: RunConfig, name: str) -> VQConfig | None:
    """The settings of the book of that name, else of the first; None where nothing learns its codes."""
    learners = iter(config.learners().values())
    settings = {book.name: next(learners) if book.learned else None for book in config.books()}
    return settings.get(name, next(iter(settings.values())))


def _judged(quantizer: VQConfig, lr: float, s: Signs) -> Verdict:
    """The first pattern that fits: what would spoil every other treatment comes first."""
    if verdict := _judged_first(s):
        return verdict
    if _runs_away(quantizer.commitment_weight, s):
        return (
            "The encoder runs away",
            f"Its outputs are {times(s.z_growth)} as long as at the start, and {times(s.lead)} as long as the codes in use. Usually "
            f"the commitment term is off or weak (here β = {quantizer.commitment_weight:g}): nothing holds them, and codes cannot follow.",
            "l2",
            ("beta",),
            False,
        )
    if _gave_up(s):
        return _incurable(
            "The network gave up",
            "Its pictures are no better than one mean picture for all, and it no longer tells its inputs apart. Codes can then be put "
            "anywhere without any good. Often steps were far too large; start again with a lower learning rate.",
        )
    if s.use_trend >= MENDING:
        return (
            "Getting better by itself",
            f"Over the last quarter of the run the codes in use rose by {s.use_trend * s.K:,.0f}. Codes near the crowd often come back "
            "one after another; reviving does at once what waiting may do.",
            "revive",
            ("kmeans", "revival"),
            False,
        )
    if lr >= HIGH_LR:
        return (
            "Steps too large",
            f"A learning rate of {lr:g} is large for Adam: the codes that are chosen first jump into the crowd and take all "
            "of it, and the others fall behind.",
            "lr",
            ("revive", "kmeans"),
            False,
        )
    if s.D >= MANY_NUMBERS and quantizer.distance == "euclidean" and _of_a_length(s):
        return (
            "Lost in many dimensions",
            f"Dead codes are about as long as encoder outputs, yet lie {spreads(s.dead_distance)} from the nearest one, where outputs "
            f"are {in_figures(s.own_distance)} apart: among {s.D} numbers a code drawn by chance points elsewhere. Often only directions "
            "should count.",
            "l2",
            ("kmeans", "revive"),
            False,
        )
    if s.dead_distance >= FAR:
        return (
            "Codes out of reach",
            f"Dead codes lie {spreads(s.dead_distance)} from the nearest encoder output, so another code always wins. Usually they "
            "started far from the data, and what is never chosen is never moved.",
            "kmeans",
            ("revival", "l2", "revive"),
            False,
        )
    if s.epochs < TRAINED_EPOCHS and s.vectors_per_code >= AMPLE:
        return (
            "Too early to say",
            f"Only {in_figures(s.epochs)} epochs have passed, and dead codes lie within reach. At the start the encoder often moves on "
            "before its codes: many drop out, and come back. Look again later.",
            "",
            ("revive",),
            False,
        )
    return _crowded(s)


def _judged_first(s: Signs) -> Verdict | None:
    """What is judged alike whether codes are learned or fixed."""
    if s.broken:
        return _incurable(
            "The numbers broke",
            "Something became NaN or infinite, and nothing that is computed from it means anything any more. Start again with a lower "
            "learning rate.",
        )
    if s.dead_share <= 1 - USED_ENOUGH:
        return _well(s)
    if s.vectors_per_code < 1:
        return _incurable(
            "More codes than vectors",
            f"One epoch has only {s.vectors_per_code * s.K:,.0f} vectors for {s.K:,} codes, so many must go unused whatever one does. "
            "Start again with fewer codes, or with a finer grid.",
        )
    return None


def _judged_fixed(s: Signs) -> Verdict:
    """Codes that nothing learns cannot be left behind, run away or start in the wrong place: they can only go unused."""
    if verdict := _judged_first(s):
        return verdict
    if _gave_up(s):
        return _incurable(
            "The network gave up",
            "Its pictures are no better than one mean picture for all, and it no longer tells its inputs apart. Often steps were far too "
            "large; start again with a lower learning rate.",
        )
    return _incurable(
        "Codes without work",
        f"{s.dead:,} of {s.K:,} codes are unused. Nothing learns these codes, so none was left behind, and there is no commitment that "
        "could be too weak: the encoder simply gives these combinations of levels to nothing. Longer training may come to use more of "
        "them; fewer levels make fewer codes.",
    )


def _gave_up(s: Signs) -> bool:
    """After enough training it is no better than the mean picture, or says the same of everything."""
    return s.epochs >= TRAINED_EPOCHS and (s.silent or s.nmse > NO_BETTER * s.nmse_mean_picture)


def _runs_away(commitment_weight: float, s: Signs) -> bool:
    """Longer and longer, and longer than codes. With a commitment weight that holds, short leads are part of every start."""
    if commitment_weight < HOLDS:
        return s.z_growth >= RUNAWAY_GROWTH and s.lead >= RUNAWAY_LEAD
    return s.z_growth >= 10 * RUNAWAY_GROWTH and s.lead >= 10 * RUNAWAY_LEAD


def _of_a_length(s: Signs) -> bool:
    """Dead codes are neither much longer nor much shorter than outputs, so it is not length that keeps them away."""
    return 1 / SAME_LENGTH < s.dead_over_z < SAME_LENGTH and math.isfinite(s.own_distance)


def _incurable(pattern: str, meaning: str) -> Verdict:
    return pattern, meaning, "", (), False


def _well(s: Signs) -> Verdict:
    meaning = f"{s.used:,} of {s.K:,} codes are in use: no collapse. Whether the pictures are good is another question: look at the error."
    return "In good health", meaning, "", (), True


def _crowded(s: Signs) -> Verdict:
    where = f", {spreads(s.dead_distance)} from the nearest output" if math.isfinite(s.dead_distance) else ""
    supply = f" One epoch has {in_figures(s.vectors_per_code)} vectors for each code." if math.isfinite(s.vectors_per_code) else ""
    return (
        "More codes than find work",
        f"Dead codes are within reach{where}, but others are always a little nearer. Often the codebook is larger than it can fill by "
        f"itself.{supply}",
        "revive",
        ("revival", "kmeans"),
        False,
    )
