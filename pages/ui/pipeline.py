"""One image on its way through the model: five pictures, one tile marked in all of them, and what its code is.

Axes: N images of the gallery, H W C an image's, h w the latent grid's, K codes, D code dimension. Colours are uint8 RGB.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.component import component
from pages.ui.pictures import data_uri
from pages.ui.serial import serial
from vqcore.colours import CodeColours
from vqcore.records import BookSnapshot, Gallery

NEIGHBOURS = 5
LARGEST_CODEBOOK = 4_000_000  # numbers; beyond it the search for nearest codes would hold up the page
HINT = "Point at a tile, tap it, or go there with the arrow keys."

_component = component("pipeline", "../shared/ink", "component")


def pipeline(shown: dict[str, Any], key: str) -> None:
    """Draw what `stages_of` gave. The same key keeps the marked tile while images change."""
    drawn = json.dumps(shown)
    _component(key=key, data={"shown": drawn, "serial": serial(key, drawn)})


def stages_of(gallery: Gallery, image: int, *, cell: int | None, book: BookSnapshot | None, place: int = 0) -> dict[str, Any]:
    """Everything that the component shows of one image of a gallery of images with a codebook.

    `cell` is how many pixels a tile is wide and high, None for a single vector. `book` is that at `place` in the gallery's indices;
    without it the codes' use is left out.
    """
    picture, redrawn = gallery.inputs[image], gallery.reconstructions[image]  # (H, W, C)
    z_e, z_q = gallery.z_e[image], gallery.z_q[image]  # (h, w, 3)
    h, w = z_q.shape[:2]
    H, W, C = picture.shape
    index = gallery.indices[place][image].reshape(h, w)
    colours = None if book is None else _colours(gallery, book)
    several = len(gallery.indices) > 1
    on_picture = (cell / H, cell / W) if cell else (1.0, 1.0)
    on_grid = (1 / h, 1 / w)
    cells = f"{h}×{w} vectors" if h * w > 1 else "one vector"
    quantised = f"{len(gallery.indices)} codes each" if several else f"{h}×{w} codes" if h * w > 1 else "one code"
    kinds = {"picture": (H, W, on_picture), "grid": (h, w, on_grid)}

    def stage(title: str, note: str, kind: str, drawn: NDArray[np.uint8] | None) -> dict[str, Any]:
        height, width, tile = kinds[kind]
        return {
            "title": title,
            "note": note,
            "height": height,
            "width": width,
            "tile": tile,
            "picture": None if drawn is None else data_uri(drawn),
        }

    return {
        "stages": [
            stage("Input", f"{H}×{W}, {'grey' if C == 1 else 'colour'}", "picture", picture),
            stage("z_e", cells, "grid", z_e),
            stage("Index", f"{h}×{w} numbers" if h * w > 1 else "one number", "grid", None),
            stage("z_q", quantised, "grid", z_q),
            stage("Reconstruction", "from z_q alone", "picture", redrawn),
        ],
        "cells": index.tolist(),
        "colours": [[_css(colour) for colour in row] for row in (colours[index] if several and colours is not None else z_q)],
        "codes": {} if book is None or colours is None else _codes(np.unique(index), book, colours),
        "hint": HINT,
    }


def _colours(gallery: Gallery, book: BookSnapshot) -> NDArray[np.uint8]:
    """Each code's colour (K, 3): the very one that it has in the gallery, where nothing else is mixed into that."""
    colours = CodeColours.fit(book.codebook, (book.validation_usage > 0) | (book.usage > 0)).codes
    if len(gallery.indices) == 1:
        colours[gallery.indices[0].ravel()] = gallery.z_q.reshape(-1, 3)
    return colours


def _codes(present: NDArray[np.int32], book: BookSnapshot, colours: NDArray[np.uint8]) -> dict[str, Any]:
    """Of each code in `present`: how much it is used, and its nearest codes."""
    K = len(book.codebook)
    hits = book.validation_usage
    total = max(1, int(hits.sum()))
    rank = np.empty(K, dtype=np.int64)
    rank[np.argsort(-hits, kind="stable")] = np.arange(1, K + 1)
    near = _nearest(book.codebook, present)
    found = {}
    for place, code in enumerate(present.tolist()):
        share = 100 * int(hits[code]) / total
        found[str(code)] = {
            "use": f"Chosen for {share:.1f} % of the validation tiles: rank {rank[code]} of {K}. {_age(int(book.age[code]))}",
            "near": [{"index": int(k), "distance": f"{distance:.2g}", "colour": _css(colours[k])} for k, distance in near[place]],
        }
    return found


def _nearest(codebook: NDArray[Any], present: NDArray[np.int32]) -> list[list[tuple[int, float]]]:
    """For each code of `present` (n,) its nearest others with their Euclidean distances in all D dimensions."""
    if codebook.size > LARGEST_CODEBOOK:
        return [[] for _ in present]
    codes = codebook.astype(np.float32)
    found = []
    for code in present.tolist():
        distance = np.linalg.norm(codes - codes[code], axis=1)
        distance[code] = np.inf
        order = np.argsort(distance, kind="stable")[: min(NEIGHBOURS, len(codes) - 1)]
        found.append([(int(k), float(distance[k])) for k in order])
    return found


def _age(age: int) -> str:
    if age < 0:
        return "Training has never chosen it."
    return "Training chose it in its latest step." if age == 0 else f"Training last chose it {age:,} steps ago."


def _css(colour: NDArray[np.uint8]) -> str:
    r, g, b = colour.tolist()
    return f"rgb({r}, {g}, {b})"
