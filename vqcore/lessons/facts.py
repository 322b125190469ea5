"""What a screen without a run notes for a check: small plain values, taken from what it shows. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from vqcore.analysis.microscope import Frame


def of_frame(frame: Frame) -> tuple[str, dict[str, Any]]:
    """The name and the note of a step under the microscope: how far what z_e is sent lies from the decoder's gradient.

    `apart` is the length of their difference over the decoder's own, both over the whole batch; `arrives`: anything does.
    """
    estimator = frame.config.plain_vq().estimator
    sent, given = frame.at_z_q.astype(np.float64), frame.passed.astype(np.float64)
    length = float(np.linalg.norm(sent))
    apart = float(np.linalg.norm(given - sent)) / length if length else 0.0
    return f"snap.{estimator}", {"estimator": estimator, "apart": apart, "arrives": bool(np.any(given)), "step": frame.step}
