"""A run of a tour as frames for the plane: read once for all who look, told from where each browser has got.

Axes: K codes of two numbers, V encoder outputs, H W C a decoded code's. Session keys owned here: `<key>_sent`.
"""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from pages.ui.component import component
from pages.ui.serial import serial
from vqcore.colours import CodeColours
from vqcore.records import Evaluation, Snapshot
from vqcore.runs.folder import RunFolder
from vqcore.runs.tail import shared_tail

OUTPUTS = 128  # encoder outputs that are drawn
AT_ONCE = 12  # frames in a message

_component = component("plane", "cells", "lens", "../shared/arrows", "component")

Frame = dict[str, Any]


class Frames:
    """The snapshots of one run that can be drawn. Threads may share it."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self._guard = threading.Lock()
        self._made: dict[int, Frame] = {}
        self.tile: tuple[int, ...] = (8, 8, 1)
        self.mean = 0.0

    def look(self) -> list[Frame]:
        """All frames, ascending by step. Raises RunError when the run is gone."""
        with self._guard:
            steps = self.run.snapshots()
            if any(step not in self._made for step in steps):
                tail = shared_tail(self.run)
                figures = {evaluation.step: evaluation for evaluation in tail.evaluations}
                for step in steps:
                    if step not in self._made and step in figures and (snapshot := self.run.snapshot(step)) is not None:
                        self._keep(snapshot, figures[step])
            return [self._made[step] for step in sorted(self._made)]

    def _keep(self, snapshot: Snapshot, figures: Evaluation) -> None:
        book = snapshot.books[0]
        if book.decoded.ndim != 4 or not len(book.decoded) or book.codebook.shape[1] != 2:
            return
        self.tile, self.mean = book.decoded.shape[1:], figures.nmse_mean_picture
        self._made[snapshot.step] = frame(snapshot, figures.nmse)


def frame(snapshot: Snapshot, error: float) -> Frame:
    """One moment, ready to send: places of codes and outputs as float32, pictures as bytes, both base64."""
    book = snapshot.books[0]
    codes = book.codebook.astype(np.float32)
    places = np.concatenate([codes, book.z[:OUTPUTS].astype(np.float32)])
    used = book.validation_usage
    return {
        "step": snapshot.step,
        "places": packed(places),
        "chosen": book.z_code[:OUTPUTS].tolist(),
        "colours": CodeColours.fit(codes, used > 0).codes.tolist(),
        "used": used.tolist(),
        "sheet": packed(book.decoded),
        "error": error,
    }


def distance_of_unused(snapshot: Snapshot | None) -> float:
    """How far the nearest unused code lies from the middle of the encoder's outputs, as a multiple of their radius; 0 where none is."""
    if snapshot is None or not len(snapshot.books[0].z):
        return 0.0
    book = snapshot.books[0]
    z, unused = book.z.astype(np.float64), book.codebook.astype(np.float64)[book.validation_usage == 0]
    middle = z.mean(axis=0)
    radius = float(np.linalg.norm(z - middle, axis=1).max())
    return float(np.linalg.norm(unused - middle, axis=1).min() / radius) if len(unused) and radius > 0 else 0.0


def packed(array: np.ndarray[Any, Any]) -> str:
    """Little-endian bytes as base64."""
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return base64.b64encode(little.tobytes()).decode()


def plane(run: RunFolder, key: str, hint: str, *, untrained: bool = False) -> None:
    """Draw the run's plane and contact sheet; `untrained`: as they were before the first step.

    Only what this browser has not been sent goes out; the latest frame always does.
    """
    frames = of(run)
    every = frames.look()[: 1 if untrained else None]
    of_run, last = st.session_state.get(f"{key}_sent", ("", -1))
    fresh = [made for made in every if of_run == run.id and made["step"] > last] or every[-1:]
    if of_run != run.id:
        fresh = every[-1:]
    if len(fresh) > AT_ONCE:  # evenly, the latest among them
        fresh = [fresh[round(i)] for i in np.linspace(0, len(fresh) - 1, AT_ONCE)]
    if every:
        st.session_state[f"{key}_sent"] = (run.id, every[-1]["step"])
    data: dict[str, Any] = {"of": run.id, "frames": fresh, "tile": frames.tile, "mean": frames.mean, "hint": hint}
    data["serial"] = serial(key, json.dumps(data))
    _component(key=key, data=data)


def error(run: RunFolder, otherwise: Evaluation) -> float:
    """The error that stands under the plane once its last frame is shown; `otherwise`'s, where there is no frame."""
    every = of(run).look()
    return float(every[-1]["error"]) if every else otherwise.nmse


@st.cache_resource(max_entries=64, show_spinner=False)
def _frames(path: str, read_only: bool) -> Frames:
    return Frames(RunFolder(Path(path), read_only=read_only))


def of(run: RunFolder) -> Frames:
    """The frames of this run, one for the process."""
    return _frames(str(run.path), run.read_only)
