"""What is wrong with a codebook, in words computed from what a run has recorded, and which treatment to try first.

It reads the configuration as a clinician reads the chart, and knows nothing of presets. The limits below were set on this
project's own runs (`python -m tests.benchmarks.clinic`): they are rules of thumb, and the words say "often" where they guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vqcore.clinic.signs import Signs, signs
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
class Finding:
    """One figure: `name` is its short title, `value` in `unit` ("" for a pure number; "share …": 0 to 1), `text` a sentence with it.

    Findings are evidence for a guess: none tells β or the learning rate, which `Diagnosis.meaning` may.
    """

    name: str
    value: float
    unit: str
    text: str


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
    pattern, meaning, first, also, healthy = _judged(config, found)
    return Diagnosis(_findings(config, found), pattern, meaning, first, also, healthy)


Verdict = tuple[str, str, str, tuple[str, ...], bool]


def _judged(config: RunConfig, s: Signs) -> Verdict:
    """The first pattern that fits: what would spoil every other treatment comes first."""
    quantizer = config.model.quantizer
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
            "Start again with a smaller K, or with a finer grid.",
        )
    if _runs_away(quantizer.commitment_weight, s):
        return (
            "The encoder runs away",
            f"Its outputs are {_times(s.z_growth)} as long as at the start, and {_times(s.lead)} as long as the codes in use. Usually "
            f"the commitment term is off or weak (here β = {quantizer.commitment_weight:g}): nothing holds them, and codes cannot follow.",
            "l2",
            ("beta",),
            False,
        )
    if s.epochs >= TRAINED_EPOCHS and (s.silent or s.nmse > NO_BETTER * s.nmse_mean_picture):
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
    if config.train.lr >= HIGH_LR:
        return (
            "Steps too large",
            f"A learning rate of {config.train.lr:g} is large for Adam: the codes that are chosen first jump into the crowd and take all "
            "of it, and the others fall behind.",
            "lr",
            ("revive", "kmeans"),
            False,
        )
    if s.D >= MANY_NUMBERS and quantizer.distance == "euclidean" and _of_a_length(s):
        return (
            "Lost in many dimensions",
            f"Dead codes are about as long as encoder outputs, yet lie {_spreads(s.dead_distance)} from the nearest one, where outputs are "
            f"{_figure(s.own_distance)} apart: among {s.D} numbers a code drawn by chance points elsewhere. Often only directions should "
            "count.",
            "l2",
            ("kmeans", "revive"),
            False,
        )
    if s.dead_distance >= FAR:
        return (
            "Codes out of reach",
            f"Dead codes lie {_spreads(s.dead_distance)} from the nearest encoder output, so another code always wins. Usually they "
            "started far from the data, and what is never chosen is never moved.",
            "kmeans",
            ("revival", "l2", "revive"),
            False,
        )
    if s.epochs < TRAINED_EPOCHS and s.vectors_per_code >= AMPLE:
        return (
            "Too early to say",
            f"Only {_figure(s.epochs)} epochs have passed, and dead codes lie within reach. At the start the encoder often moves on before "
            "its codes: many drop out, and come back. Look again later.",
            "",
            ("revive",),
            False,
        )
    return _crowded(s)


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
    where = f", {_spreads(s.dead_distance)} from the nearest output" if math.isfinite(s.dead_distance) else ""
    supply = f" One epoch has {_figure(s.vectors_per_code)} vectors for each code." if math.isfinite(s.vectors_per_code) else ""
    return (
        "More codes than find work",
        f"Dead codes are within reach{where}, but others are always a little nearer. Often the codebook is larger than it can fill by "
        f"itself.{supply}",
        "revive",
        ("revival", "kmeans"),
        False,
    )


# ── findings ──


def _findings(config: RunConfig, s: Signs) -> tuple[Finding, ...]:
    told = [_dead(s), _reach(s), _lengths(s), _growth(s), _variance(s), _commitment(s), _supply(s), _settings(config)]
    return tuple(finding for finding in told if finding is not None and math.isfinite(finding.value))


def _dead(s: Signs) -> Finding:
    words = f"{s.dead:,} of {s.K:,} codes are dead"
    if s.never and s.lost:
        words += f": {s.never:,} were never chosen, {s.lost:,} were once"
    elif s.never:
        words += ", and never were chosen" if s.never == s.dead else ""
    elif s.lost:
        words += ", and all of them were in use once"
    return Finding("Dead codes", s.dead_share, "share of K", f"{words}.")


def _reach(s: Signs) -> Finding | None:
    if not math.isfinite(s.dead_distance):
        return None
    words = f"A typical dead code lies {_spreads(s.dead_distance)} from the nearest encoder output"
    if math.isfinite(s.used_distance):
        words += f"; a code in use, {_figure(s.used_distance)}"
    if math.isfinite(s.own_distance):
        words += f"; an output lies {_figure(s.own_distance)} from its nearest other"
    return Finding("Distance of dead codes", s.dead_distance, "spreads", f"{words}.")


def _lengths(s: Signs) -> Finding | None:
    if not math.isfinite(s.z_length):
        return None
    words = f"Encoder outputs are {_figure(s.z_length)} long"
    if math.isfinite(s.used_length):
        words += f", codes in use {_figure(s.used_length)}"
    if math.isfinite(s.dead_length):
        words += f", dead codes {_figure(s.dead_length)}"
    return Finding("Length of outputs over codes in use", s.lead, "times", f"{words}.")


def _growth(s: Signs) -> Finding | None:
    if not math.isfinite(s.z_growth):
        return None
    if s.z_growth >= 1:
        words = f"|z_e| is {_times(s.z_growth)} what it was at the first step"
    else:
        words = f"|z_e| has shrunk to {_figure(s.z_growth)} of what it was at the first step"
    if math.isfinite(s.z_trend) and not 0.8 < s.z_trend < 1.25:
        words += f", and still {'grows' if s.z_trend > 1 else 'shrinks'}: {_times(s.z_trend)} over the last quarter of the run"
    return Finding("Growth of outputs", s.z_growth, "times", f"{words}.")


def _variance(s: Signs) -> Finding | None:
    if not math.isfinite(s.spread):
        return None
    words = f"Encoder outputs spread {_figure(s.spread)} around their mean"
    if math.isfinite(s.kept):
        words += f"; snapping to codes keeps {max(0.0, s.kept):.0%} of that variance"
    return Finding("Spread of outputs", s.spread, "", f"{words}.")


def _commitment(s: Signs) -> Finding | None:
    if not math.isfinite(s.commitment_ratio):
        return None
    words = f"The commitment term is {_times(s.commitment_ratio)} the reconstruction loss, both unweighted."
    return Finding("Commitment over reconstruction", s.commitment_ratio, "times", words)


def _settings(config: RunConfig) -> Finding:
    quantizer = config.model.quantizer
    learning = f"by EMA with decay {quantizer.ema_decay:g}" if quantizer.learning == "ema" else "by gradient"
    distance = "by direction (l2)" if quantizer.distance == "l2" else "as they are"
    revival = f"under {quantizer.revival_threshold:g} of the mean count" if quantizer.revival_threshold > 0 else "off"
    words = f"Codes learn {learning} and are compared {distance}; revival is {revival}."
    return Finding("Revival threshold", quantizer.revival_threshold, "of the mean count", words)


def _supply(s: Signs) -> Finding | None:
    if not math.isfinite(s.vectors_per_code) or s.vectors_per_code <= 0:
        return None
    words = f"One epoch has {_figure(s.vectors_per_code)} vectors for each code."
    return Finding("Vectors for each code", s.vectors_per_code, "an epoch", words)


def _figure(value: float) -> str:
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _times(value: float) -> str:
    return f"{_figure(value)} times"


def _spreads(value: float) -> str:
    return f"{_figure(value)} spreads" if math.isfinite(value) else "an unknown distance"
