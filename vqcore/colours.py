"""One code, one colour: its place on the codebook's first principal components, as a colour in OKLCh.

The first component runs from blue to yellow, the axis that nearly every eye sees; the second from green to red and, doubled
for colour-blind eyes, from dark to light; the third adds lightness. Lightness stays where a mark is seen on white and on near-black.
Dead codes, and vectors that are not finite, are grey. OKLab: Björn Ottosson, "A perceptual color space for image processing" (2020).

Axes: K codes, D code dimension. Colours are sRGB, uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEAD = (128, 128, 128)
LIGHTNESS = 0.60  # OKLab's L at the centre, 0 to 1
LIGHTNESS_SWING = 0.12
CHROMA = (0.05, 0.16)  # at the centre, which must not look dead, and far out

_ROWS = 4_096  # vectors coloured at a time
_BASIS_ROWS = 8_192  # codes that the components are computed from, at most


@dataclass(frozen=True, slots=True)
class CodeColours:
    """Colours of one codebook, and of any vectors in the same space.

    `codes` (K, 3). `mean` (D,), `basis` (D, 3), `rank` 0 to 3: how many of the components carry anything.
    """

    codes: NDArray[np.uint8]
    mean: NDArray[np.float64]
    basis: NDArray[np.float64]
    rank: int

    @classmethod
    def fit(cls, codebook: NDArray[Any], used: NDArray[np.bool_] | None = None) -> CodeColours:
        """`codebook` (K, D) of any float type; `used` bool (K,): codes in use, from which the components are computed (None: all).

        The same input gives the same colours. With fewer than two codes in use, all finite codes give the components.
        """
        book = np.asarray(codebook)
        if book.ndim != 2:
            raise ValueError(f"a codebook has shape (K, D), not {book.shape}")
        alive = np.ones(len(book), dtype=bool) if used is None else np.asarray(used, dtype=bool)
        finite = np.isfinite(book).all(axis=1)
        (rows,) = np.nonzero(alive & finite)
        if len(rows) < 2:
            (rows,) = np.nonzero(finite)
        mean, basis, rank = _components(_bounded(book[rows[:: -(-len(rows) // _BASIS_ROWS) or 1]]))
        fitted = cls(np.zeros((len(book), 3), dtype=np.uint8), mean, basis, rank)
        codes = fitted.of(book)
        codes[~alive] = DEAD
        return cls(codes, mean, basis, rank)

    def of(self, z: NDArray[Any]) -> NDArray[np.uint8]:
        """Colours of vectors `z` (…, D) in the codebook's space, as (…, 3)."""
        z = np.asarray(z)
        if z.shape[-1] != len(self.mean):
            raise ValueError(f"vectors of {len(self.mean)} numbers are needed, not of {z.shape[-1]}")
        flat = z.reshape(-1, z.shape[-1])
        out = np.empty((len(flat), 3), dtype=np.uint8)
        for start in range(0, len(flat), _ROWS):
            out[start : start + _ROWS] = self._colour(_bounded(flat[start : start + _ROWS]))
        return out.reshape(*z.shape[:-1], 3)

    def _colour(self, z: NDArray[np.float64]) -> NDArray[np.uint8]:
        finite = np.asarray(np.isfinite(z).all(axis=1))
        if not finite.all():
            z = np.where(finite[:, None], z, self.mean)
        place = (z - self.mean) @ self.basis  # (N, 3), about −1 to 1
        place /= np.sqrt(1 + (place**2).sum(axis=1, keepdims=True))  # far out is drawn in, never cut off
        first, second, third = place.T
        # codes on a line have no second component: lightness then doubles the first
        light = LIGHTNESS + LIGHTNESS_SWING * (first if self.rank < 2 else np.clip(0.95 * second + 0.4 * third, -1, 1))
        radius = np.hypot(first, second)
        chroma = CHROMA[0] + (CHROMA[1] - CHROMA[0]) * radius
        # the centre has no direction of its own: it leans to blue, which is no grey
        toward = np.where(radius > 1e-9, 1 / np.maximum(radius, 1e-9), 0)
        a = chroma * second * toward
        b = chroma * np.where(radius > 1e-9, first * toward, -1.0)
        rgb = _srgb(light, a, b)
        rgb[~finite] = DEAD
        return rgb


def _bounded(x: NDArray[Any]) -> NDArray[np.float64]:
    """As float64, no larger than float32 goes, so that no square overflows; what is not finite stays so."""
    wide = x.astype(np.float64)
    return wide if x.dtype.itemsize < 8 else np.where(np.isfinite(wide), wide.clip(-1e38, 1e38), wide)


def _components(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Mean (D,), the first three principal directions over their spread (D, 3), and how many of them there are."""
    D = rows.shape[1]
    basis = np.zeros((D, 3))
    if len(rows) == 0:
        return np.zeros(D), basis, 0
    mean = rows.mean(axis=0)
    centred = rows - mean
    size = float(np.abs(centred).max(initial=0.0))
    # repeated rows differ from their mean by rounding alone
    if size <= max(1e-30, 1e-9 * float(np.abs(rows).max())):
        return mean, basis, 0
    values, vectors = _eigen(centred / size)
    spread = np.sqrt(np.maximum(values, 0))
    rank = int((spread > 1e-6 * spread[0]).sum())
    for i in range(rank):
        direction = vectors[:, i]
        direction = direction * np.sign(direction[np.argmax(np.abs(direction).round(9))])
        # two standard deviations reach 1; a weak component stays weaker than the first, so that like codes look alike
        basis[:, i] = direction / (2 * size * max(spread[i], 0.3 * spread[0]))
    return mean, basis, rank


def _eigen(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The (at most three) largest eigenvalues (R,) of x's covariance and their directions (D, R), through its smaller side."""
    N, D = x.shape
    wide = N < D
    values, vectors = np.linalg.eigh((x @ x.T if wide else x.T @ x) / N)
    values, vectors = values[::-1][:3], vectors[:, ::-1][:, :3]
    if wide:
        vectors = x.T @ vectors
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=0), 1e-300)
    return values, vectors


def _srgb(light: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.uint8]:
    """OKLab to sRGB; what no screen can show is cut to what it can."""
    l_ = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    m_ = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    s_ = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * l_ - 3.3077115913 * m_ + 0.2309699292 * s_,
            -1.2684380046 * l_ + 2.6097574011 * m_ - 0.3413193965 * s_,
            -0.0041960863 * l_ - 0.7034186147 * m_ + 1.7076147010 * s_,
        ],
        axis=-1,
    ).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().astype(np.uint8)
