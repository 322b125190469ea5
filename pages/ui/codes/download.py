"""The codebook to take home: `.npy`, and `.csv` with every figure of each code. Axes: K codes, D code dimension."""

from __future__ import annotations

import csv
import io

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.codes.look import Seen
from vqcore.runs.probed import Probe
from vqcore.usage import first_deaths

NEAREST_OF = 4_096  # codes; beyond, the search for each one's nearest would hold up the page


def show(seen: Seen, probe: Probe | None) -> None:
    """Two buttons. The files are made when they are asked for."""
    name = f"codebook-{seen.run.id}" + (f"-{seen.film.name}" if seen.book else "")
    same = probe is not None and probe.step == seen.last
    st.markdown(
        f"The codebook at step {seen.last:,}: {seen.K} codes of {seen.D} numbers, as they are compared, in "
        + ("full precision (float32)." if same else "the precision of snapshots (float16 where it holds them, written as float32).")
    )
    with st.container(horizontal=True):
        st.download_button(
            "Codebook (.npy)",
            lambda: npy(seen, probe),
            f"{name}.npy",
            "application/octet-stream",
            icon=":material/download:",
            key="codes_npy",
            on_click="ignore",
            help="An array of shape (K, D), float32: numpy.load reads it.",
        )
        st.download_button(
            "Codes with their figures (.csv)",
            lambda: table(seen, probe).encode("utf-8-sig"),
            f"{name}.csv",
            "text/csv",
            icon=":material/table_view:",
            key="codes_csv",
            on_click="ignore",
            help="One line a code: usage, age, EMA count, nearest code, label, and its numbers.",
        )
    st.caption("Every chart on this page is saved by the small arrow in its corner: as a picture (PNG) or as data (CSV).")


def codebook_of(seen: Seen, probe: Probe | None) -> NDArray[np.float32]:
    """The codes at the latest snapshot, float32 (K, D): exact where the probe is of the same step, else as snapshots keep them."""
    if probe is not None and probe.step == seen.last and seen.book < len(probe.books):
        return probe.books[seen.book].codebook.astype(np.float32)
    return np.asarray(seen.film.codebook[-1], dtype=np.float32)


def npy(seen: Seen, probe: Probe | None) -> bytes:
    """The bytes of a `.npy` file."""
    buffer = io.BytesIO()
    np.save(buffer, codebook_of(seen, probe), allow_pickle=False)
    return buffer.getvalue()


def table(seen: Seen, probe: Probe | None) -> str:
    """CSV, one line a code. Shares are of validation choices, ages in training steps (empty: never), distances in D dimensions."""
    film = seen.film
    codes = codebook_of(seen, probe)
    hits = film.validation_usage[-1]
    total = max(1, int(hits.sum()))
    deaths = first_deaths(film.dead)
    other, distance = _nearest(codes)
    labelled = probe is not None and bool(probe.label_names)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    head = ["code", "dead", "first_death_step", "hits_since_last_snapshot", "validation_hits", "validation_share", "age_steps", "norm"]
    head += ["nearest_code", "nearest_distance", *(["majority_label", "purity"] if labelled else [])]
    rows.writerow([*head, *(f"e_{i}" for i in range(seen.D))])
    label, purity = probe.books[seen.book].majority() if probe is not None and labelled else (None, None)
    for k, vector in enumerate(codes):
        age = int(film.age[-1, k])
        died = int(film.steps[deaths[k]]) if 0 <= deaths[k] < len(film.steps) else ""
        row: list[object] = [k, int(film.dead[-1, k]), died, int(film.usage[-1, k]), int(hits[k]), f"{hits[k] / total:.6g}"]
        row += [age if age >= 0 else "", f"{float(np.linalg.norm(vector)):.6g}"]
        row += [int(other[k]), f"{distance[k]:.6g}"] if other[k] >= 0 else ["", ""]
        if probe is not None and label is not None and purity is not None:
            row += [probe.label_names[label[k]], f"{purity[k]:.4f}"] if label[k] >= 0 else ["", ""]
        rows.writerow([*row, *(f"{value:.9g}" for value in vector)])
    return text.getvalue()


def _nearest(codes: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each code's nearest other one, (K,), and its distance; −1 where there is none, or for a codebook too large to search."""
    K = len(codes)
    found, distance = np.full(K, -1, dtype=np.int64), np.full(K, np.nan)
    if not 2 <= K <= NEAREST_OF:
        return found, distance
    for start in range(0, K, 256):
        part = codes[start : start + 256].astype(np.float64)
        square = ((part**2).sum(1)[:, None] + (codes.astype(np.float64) ** 2).sum(1)[None] - 2 * part @ codes.T.astype(np.float64)).clip(0)
        square[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        square = np.where(np.isfinite(square), square, np.inf)
        best = square.argmin(axis=1)
        size = np.sqrt(square[np.arange(len(part)), best])
        good = np.isfinite(size)
        found[start : start + 256][good], distance[start : start + 256][good] = best[good], size[good]
    return found, distance
