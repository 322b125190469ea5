"""D dimensions on a flat screen: one fixed plane for codes, encoder outputs and every moment of training.

Axes: T moments, V encoder outputs, K codes, D dimension of both. Distances on the screen are true only where `exact`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.film import Film

_ROWS = 16_384  # vectors that a plane is computed from, at most
_OFFSET = 4.0  # how much of the outputs' own variance the dead codes' offset may weigh: it turns the plane, it does not become it
_STALE = 0.85  # an earlier plane is kept while it holds at least this part of what a new one would


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A plane in D dimensions: `mean` (D,) is its origin, the columns of `axes` (D, 2) its directions, of length 1 (or 0 for none).

    `share`: how much of the encoder outputs' variance each direction holds, 0 to 1. `exact`: nothing is lost (D is 1 or 2).
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    share: tuple[float, float]
    exact: bool

    @classmethod
    def fit(cls, z: NDArray[Any], codes: NDArray[Any] | None = None, dead: NDArray[np.bool_] | None = None) -> Basis:
        """The plane for encoder outputs `z` (V, D) or (T, V, D), codes (K, D) or (T, K, D), and which of them are `dead` (…, K).

        D = 2: the true plane, as it is; D = 1: a line, drawn in a plane. Otherwise the first two principal components of z. Where
        there are dead codes, their mean's offset from z's counts as variance too, so that codes which lie away from the outputs are
        drawn away from them. Each moment counts alike, whatever its spread. Without z the codes in use stand in, else all codes.
        Vectors that are not finite are left out. Same input, same plane, same signs: a direction's largest part is positive.
        """
        D = z.shape[-1] if z.size or codes is None else codes.shape[-1]
        if D <= 2:
            return cls(np.zeros(D), np.eye(D, 2), _shares_of_axes(z), exact=True)
        moments = _moments(z, codes, dead)
        if not moments:
            return cls(np.zeros(D), np.eye(D, 2), (0.0, 0.0), exact=False)
        scatter = np.zeros((D, D))
        for rows, offset in moments:
            centred = rows - rows.mean(axis=0)
            cov = centred.T @ centred / len(rows)  # (D, D)
            spread = float(np.trace(cov))
            if spread > 0:
                scatter += cov / spread
                pull = min(float(offset @ offset), _OFFSET * spread) / spread
            else:
                pull = 1.0
            length = float(np.linalg.norm(offset))
            if length > 0:
                scatter += pull * np.outer(offset / length, offset / length)
        values, vectors = np.linalg.eigh(scatter)
        axes = vectors[:, ::-1][:, :2].copy()
        axes[:, values[::-1][:2] <= 1e-12 * max(float(values[-1]), 1e-300)] = 0.0  # noise has no direction
        for i in range(2):
            largest = axes[np.abs(axes[:, i].round(9)).argmax(), i]
            axes[:, i] *= -1 if largest < 0 else 1
        mean = moments[-1][0].mean(axis=0)
        return cls(mean, axes, _shares(moments[-1][0], axes), exact=False)

    @classmethod
    def of_film(cls, film: Film, earlier: Basis | None = None) -> Basis:
        """The one plane of a film. While a run trains, the plane of `earlier` stays while it holds nearly as much as a new one would."""
        fresh = cls.fit(film.z, film.codebook, film.dead)
        if earlier is None or earlier.axes.shape != fresh.axes.shape or fresh.exact:
            return fresh
        held = earlier.holds(film.z[-1] if film.z.size else film.codebook[-1])
        return replace(earlier, share=held) if sum(held) >= _STALE * sum(fresh.share) else fresh

    def of(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Where vectors `x` (…, D) lie in the plane, (…, 2). Not finite: NaN."""
        wide = np.asarray(x, dtype=np.float64)
        flat = wide.reshape(-1, wide.shape[-1])
        finite = np.asarray(np.isfinite(flat).all(axis=1))
        placed = (np.where(finite[:, None], flat, self.mean) - self.mean) @ self.axes
        placed[~finite] = np.nan
        return placed.reshape(*wide.shape[:-1], 2).astype(np.float32)

    def holds(self, z: NDArray[Any]) -> tuple[float, float]:
        """The share of the variance of `z` (V, D) that lies along each axis, 0 to 1."""
        return _shares(_finite(z), self.axes)

    @property
    def titles(self) -> tuple[str, str]:
        """Names of the two axes."""
        if len(self.mean) == 1:
            return "the only dimension", ""
        if self.exact:
            return "dimension 1", "dimension 2"
        first, second = (f"{100 * share:.0f} %" for share in self.share)
        return f"first component ({first} of the variance)", f"second component ({second})"

    @property
    def note(self) -> str:
        """One sentence on what the picture keeps and what it loses."""
        D = len(self.mean)
        if self.exact:
            return "This is the true plane: D is 2, nothing is left out." if D == 2 else "D is 1: codes and outputs lie on one line."
        held = f"{100 * sum(self.share):.0f} %"
        return f"A 2-D projection of {D} dimensions with {held} of the encoder outputs' variance: points that look near may be far apart."


def _moments(
    z: NDArray[Any], codes: NDArray[Any] | None, dead: NDArray[np.bool_] | None
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each moment: the rows (N, D) that make the plane, at least two, and the weighted offset (D,) of the dead codes from them."""
    clouds = z if z.ndim == 3 else z[None]
    books = None if codes is None else (codes if codes.ndim == 3 else codes[None])
    gone = np.zeros((1, 0 if books is None else books.shape[1]), dtype=bool) if dead is None else dead.reshape(-1, dead.shape[-1])
    T = max(len(clouds), len(books) if books is not None else 0)
    limit = max(64, _ROWS // max(1, T))
    found = []
    for t in range(T):
        rows = _finite(clouds[min(t, len(clouds) - 1)]) if clouds.size else np.zeros((0, z.shape[-1]))
        offset = np.zeros(z.shape[-1] if z.size or books is None else books.shape[-1])
        if books is not None:
            book, out = books[min(t, len(books) - 1)], gone[min(t, len(gone) - 1)]
            if len(rows) < 2:
                rows = _finite(book[~out])
            if len(rows) < 2:
                rows = _finite(book)
            lost = _finite(book[out])
            if len(lost) and len(rows):
                offset = (lost.mean(axis=0) - rows.mean(axis=0)) * np.sqrt(len(lost) / len(book))
        if len(rows) >= 2:
            found.append((rows[:: -(-len(rows) // limit)], offset))
    return found


def _finite(x: NDArray[Any]) -> NDArray[np.float64]:
    """The finite rows of x (N, D), as float64, so that no square overflows."""
    wide = np.asarray(x, dtype=np.float64)
    return wide[np.isfinite(wide).all(axis=1)]


def _shares(rows: NDArray[np.float64], axes: NDArray[np.float64]) -> tuple[float, float]:
    if len(rows) < 2:
        return 0.0, 0.0
    centred = rows - rows.mean(axis=0)
    total = float((centred**2).sum())
    if total <= 0:
        return 0.0, 0.0
    first, second = (((centred @ axes) ** 2).sum(axis=0) / total).clip(0, 1).tolist()
    return first, second


def _shares_of_axes(z: NDArray[Any]) -> tuple[float, float]:
    """Of the last moment of z, whose one or two dimensions are the axes."""
    last = z[-1] if z.ndim == 3 and len(z) else z
    rows = _finite(last) if last.size else np.zeros((0, max(1, z.shape[-1])))
    return _shares(rows, np.eye(rows.shape[-1], 2))
