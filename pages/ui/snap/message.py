"""A step as the component is told it: plain numbers, few digits. Axes: N vectors of the batch, K codes, H W C a picture's."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.pictures import data_uri

if TYPE_CHECKING:
    from vqcore.analysis.microscope import Frame

DIGITS = 5  # significant


def message(frame: Frame, colours: NDArray[np.uint8]) -> dict[str, Any]:
    """`colours` (K, 3): a code keeps its own while it moves."""
    quantizer, train = frame.config.plain_vq(), frame.config.train
    return {
        "step": frame.step,
        "batch": frame.batch,
        "frozen": frame.frozen,
        "kept": frame.kept,
        "learning": quantizer.learning,
        "estimator": quantizer.estimator,
        "beta": quantizer.commitment_weight,
        "decay": quantizer.ema_decay,
        "lr": train.lr,
        "colours": [f"rgb({r}, {g}, {b})" for r, g, b in colours.tolist()],
        "x": _examples(frame.x),
        "decoded": _examples(frame.decoded),
        "loss": _few(frame.loss),
        "terms": {name: _few(value) for name, value in frame.terms.items()},
        "lossAfter": _few(frame.loss_after),
        "termsAfter": {name: _few(value) for name, value in frame.terms_after.items()},
        "z": _few(frame.z_e),
        "e": _few(frame.codebook),
        "index": frame.index.tolist(),
        "pairLoss": _few(frame.pair_loss),
        "pairGradient": _few(frame.pair_gradient),
        "atZq": _few(frame.at_z_q),
        "passed": _few(frame.passed),
        "commitment": _few(frame.commitment),
        "atCodes": _few(frame.at_codes),
        "count": frame.count.tolist(),
        "mean": _few(frame.mean),
        "zAfter": _few(frame.z_e_after),
        "eAfter": _few(frame.codebook_after),
        "emaCount": _few(frame.ema_count),
    }


def to_json(told: dict[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"), allow_nan=False)


def _examples(x: NDArray[Any]) -> dict[str, Any]:
    """Points as they are; pictures side by side in one."""
    if x.ndim == 2:
        return {"points": _few(x)}
    count, height, width = x.shape[:3]
    return {"sprite": data_uri(np.concatenate(list(x), axis=1)), "count": count, "height": height, "width": width}


def _few(values: Any) -> Any:
    """Numbers to five significant digits, of any nesting; None for what is no number (the mean of no vectors)."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, list):
        return [_few(value) for value in values]
    return float(f"{values:.{DIGITS}g}") if math.isfinite(values) else None
