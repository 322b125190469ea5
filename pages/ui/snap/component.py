"""The component that draws a step: the plane, the equation with the chosen vector's numbers, the loss below."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pages.ui.component import component
from pages.ui.serial import serial
from pages.ui.snap.phases import PHASES, line, places
from vqcore.config.quantizer import VQConfig

_component = component("snap", "../shared/ink", "geometry", "drawing", "panels", "component")


def show(frame: str, phase: str, quantizer: VQConfig, key: str, *, of: str, note: str = "") -> None:
    """Draw a step's message in one of its phases. The chosen vector and the view stay while `of` stays.

    `note` stands where the step's figures do: why there are no further steps yet.
    """
    lines = [asdict(line(place)) for place in places(phase, quantizer)]
    told: dict[str, Any] = {"frame": frame, "phase": phase, "sentence": PHASES[phase].sentence, "lines": lines, "of": of, "note": note}
    told["serial"] = serial(key, f"{phase} {frame}")
    _component(key=key, data=told)
