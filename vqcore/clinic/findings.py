"""What was measured of a codebook, one sentence a figure: the evidence under a diagnosis."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vqcore.clinic.signs import Signs
from vqcore.config.quantizer import VQConfig


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure: `name` is its short title, `value` in `unit` ("" for a pure number; "share …": 0 to 1), `text` a sentence with it.

    Findings are evidence for a guess: none tells β or the learning rate, which `Diagnosis.meaning` may.
    """

    name: str
    value: float
    unit: str
    text: str


def findings(quantizer: VQConfig | None, s: Signs) -> tuple[Finding, ...]:
    """All that is known. `quantizer`: the settings of the codebook, None where nothing learns its codes."""
    told = [_dead(s), _reach(s), _lengths(s), _growth(s), _variance(s), _commitment(s), _supply(s), _settings(quantizer)]
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
    words = f"A typical dead code lies {spreads(s.dead_distance)} from the nearest encoder output"
    if math.isfinite(s.used_distance):
        words += f"; a code in use, {in_figures(s.used_distance)}"
    if math.isfinite(s.own_distance):
        words += f"; an output lies {in_figures(s.own_distance)} from its nearest other"
    return Finding("Distance of dead codes", s.dead_distance, "spreads", f"{words}.")


def _lengths(s: Signs) -> Finding | None:
    if not math.isfinite(s.z_length):
        return None
    words = f"Encoder outputs are {in_figures(s.z_length)} long"
    if math.isfinite(s.used_length):
        words += f", codes in use {in_figures(s.used_length)}"
    if math.isfinite(s.dead_length):
        words += f", dead codes {in_figures(s.dead_length)}"
    return Finding("Length of outputs over codes in use", s.lead, "times", f"{words}.")


def _growth(s: Signs) -> Finding | None:
    if not math.isfinite(s.z_growth):
        return None
    if s.z_growth >= 1:
        words = f"|z_e| is {times(s.z_growth)} what it was at the first step"
    else:
        words = f"|z_e| has shrunk to {in_figures(s.z_growth)} of what it was at the first step"
    if math.isfinite(s.z_trend) and not 0.8 < s.z_trend < 1.25:
        words += f", and still {'grows' if s.z_trend > 1 else 'shrinks'}: {times(s.z_trend)} over the last quarter of the run"
    return Finding("Growth of outputs", s.z_growth, "times", f"{words}.")


def _variance(s: Signs) -> Finding | None:
    if not math.isfinite(s.spread):
        return None
    words = f"Encoder outputs spread {in_figures(s.spread)} around their mean"
    if math.isfinite(s.kept):
        words += f"; snapping to codes keeps {max(0.0, s.kept):.0%} of that variance"
    return Finding("Spread of outputs", s.spread, "", f"{words}.")


def _commitment(s: Signs) -> Finding | None:
    if not math.isfinite(s.commitment_ratio):
        return None
    words = f"The commitment term is {times(s.commitment_ratio)} the reconstruction loss, both unweighted."
    return Finding("Commitment over reconstruction", s.commitment_ratio, "times", words)


def _settings(quantizer: VQConfig | None) -> Finding:
    if quantizer is None:
        words = "The codes are fixed: nothing learns them, so that there is no commitment term and nothing to revive."
        return Finding("Numbers of the codes that are learned", 0.0, "", words)
    learning = f"by EMA with decay {quantizer.ema_decay:g}" if quantizer.learning == "ema" else "by gradient"
    distance = "by direction (l2)" if quantizer.distance == "l2" else "as they are"
    revival = f"under {quantizer.revival_threshold:g} of the mean count" if quantizer.revival_threshold > 0 else "off"
    words = f"Codes learn {learning} and are compared {distance}; revival is {revival}."
    return Finding("Revival threshold", quantizer.revival_threshold, "of the mean count", words)


def _supply(s: Signs) -> Finding | None:
    if not math.isfinite(s.vectors_per_code) or s.vectors_per_code <= 0:
        return None
    words = f"One epoch has {in_figures(s.vectors_per_code)} vectors for each code."
    return Finding("Vectors for each code", s.vectors_per_code, "an epoch", words)


def in_figures(value: float) -> str:
    if value >= 1e6:
        return f"{value:.1e}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def times(value: float) -> str:
    return f"{in_figures(value)} times"


def spreads(value: float) -> str:
    return f"{in_figures(value)} spreads" if math.isfinite(value) else "an unknown distance"
