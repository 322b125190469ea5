"""The map of the codes: true plane, PCA or UMAP, in the colours that were chosen.

Session keys owned here: `codes_plane`, `codes_colour`, `codes_neighbours`, `codes_min_dist`, and the map's own.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import asked, session
from pages.ui.codemap import Scene, codemap, scene_of_film, sheet_of
from pages.ui.codes import choice, colouring
from pages.ui.codes.look import Seen
from pages.ui.terms import help_text
from vqcore.runs.probed import Layout, Probe

HEIGHT = 330  # pixels: the film below it is still in view
NEIGHBOURS = (5, 15, 30, 60, 120)
MIN_DIST = (0.0, 0.1, 0.25, 0.5, 0.9)
_KEPT = 24

_scenes: OrderedDict[tuple[object, ...], Scene] = OrderedDict()
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asked the map to be."""

    umap: bool
    mode: colouring.Mode
    neighbours: int
    min_dist: float


def wanted(seen: Seen | None = None) -> Wanted:
    """As the controls stand. Without a plane that loses something there is no UMAP."""
    state = st.session_state
    umap = state.get("codes_plane") == "UMAP" and (seen is None or not seen.basis.exact)
    return Wanted(umap, state.get("codes_colour") or "code", state.get("codes_neighbours", 15), state.get("codes_min_dist", 0.1))


def settings(book: int) -> dict[str, int | float]:
    """What is asked for UMAP of a book, as the controls stand."""
    want = wanted()
    return {"book": book, "neighbours": want.neighbours, "min_dist": want.min_dist}


def first_shown(seen: Seen, probe: Probe | None) -> int:
    """The code that the screen opens on: of those used more than half an equal share, the one whose picture has most contrast.

    The most used ones often stand for plain background and draw black. Until it is known what codes draw: the one that stands where the
    pixels differ most. Without pictures: the one farthest from the most used.
    """
    film = seen.film
    hits, codes = film.hits[-1], film.codebook[-1]
    interest = _drawn(seen, probe)
    if interest is None:
        interest = _contrast(seen)
    if interest is None:
        interest = np.linalg.norm(codes - codes[int(hits.argmax())], axis=1)
    interest[(2 * hits * seen.K <= hits.sum()) | ~np.isfinite(interest)] = -1
    return int(interest.argmax())


def _drawn(seen: Seen, probe: Probe | None) -> NDArray[np.float64] | None:
    """The standard deviation of what each code draws (K,), 0 for those never decoded; None where nothing is known of pictures."""
    if probe is None:
        return None
    book = probe.books[seen.book]
    if book.decoded.ndim != 4:
        return None
    deviation = np.zeros(seen.K)
    deviation[book.decoded_code] = book.decoded.reshape(len(book.decoded), -1).std(axis=1)
    return deviation


def _contrast(seen: Seen) -> NDArray[np.float64] | None:
    """How much the pixels differ in the cells of the gallery that chose each code: mean standard deviation (K,); None without cells."""
    gallery = seen.gallery
    if gallery is None or gallery.inputs.ndim != 4 or seen.book >= len(gallery.indices):
        return None
    N, H, W, C = gallery.inputs.shape
    indices = gallery.indices[seen.book].reshape(N, *(gallery.indices[seen.book].shape[1:] or (1, 1)))
    if indices.ndim != 3 or H % indices.shape[1] or W % indices.shape[2]:
        return None
    h, w = indices.shape[1:]
    cells = gallery.inputs.reshape(N, h, H // h, w, W // w, C).swapaxes(2, 3).reshape(N * h * w, -1)
    chosen = indices.reshape(-1)
    count = np.bincount(chosen, minlength=seen.K)
    total = np.bincount(chosen, weights=cells.std(axis=1), minlength=seen.K)
    return np.asarray(total / np.maximum(count, 1), dtype=np.float64)


def controls(seen: Seen, probe: Probe | None) -> None:
    """Which map, which colours, in a row that keeps its place."""
    modes = colouring.modes(probe)
    if st.session_state.get("codes_colour") not in modes:
        st.session_state["codes_colour"] = "code"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="codes_controls"):
        st.selectbox(
            "Colour by",
            modes,
            format_func=lambda mode: colouring.MODES[mode][0],
            key="codes_colour",
            persist_state="session",
            help=help_text(*[word for mode in modes for word in colouring.MODES[mode][1]]),
            width=170,
        )
        if seen.basis.exact:
            return
        plane = st.segmented_control(
            "Map",
            ["PCA", "UMAP"],
            key="codes_plane",
            default="PCA",
            required=True,
            persist_state="session",
            help=help_text("projection", "pca", "umap"),
        )
        if plane != "UMAP":
            return
        with st.popover("Settings", icon=":material/tune:", help="Settings of UMAP", key="codes_umap"):
            st.select_slider("Neighbours", NEIGHBOURS, value=15, key="codes_neighbours", help=help_text("umap_neighbours"))
            st.select_slider("Minimum distance", MIN_DIST, value=0.1, key="codes_min_dist", help=help_text("umap_distance"))
            st.caption("Each setting is computed once and then kept with the run. The seed is fixed.")


def show(seen: Seen, probe: Probe | None, answer: asked.Answer | None, want: Wanted, of: str) -> None:
    """Draw the map. `answer`: how it stands with UMAP, where that is wanted; until it is ready PCA stands in."""
    layout = Layout.of(answer.data) if answer is not None and answer.data is not None and probe is not None else None
    code = choice.chosen(of, first_shown(seen, probe), seen.K, sure=probe is not None)
    scene = replace(_scene(seen, probe, layout, want), selected=code, explained=True)
    kind = "umap" if layout is not None else "plane"
    codemap(scene, choice.MAP, HEIGHT, of=f"{of} {kind}", on_select=lambda: choice.from_map(of))
    with st.container(key="codes_status"):
        _status(seen, probe, answer, layout, want)


def _status(seen: Seen, probe: Probe | None, answer: asked.Answer | None, layout: Layout | None, want: Wanted) -> None:
    if layout is not None:
        st.caption(_umap_words(layout, seen))
    elif answer is not None and answer.state == "failed":
        st.warning(f"UMAP could not be computed; this is PCA. {session.plain(answer.message)}", icon=":material/error:")
        if st.button("Try UMAP again", icon=":material/refresh:", key="codes_umap_retry"):
            asked.retry(seen.run, "umap", **settings(seen.book))
            st.rerun()
    elif answer is not None:
        waited = f" {answer.seconds:.0f} s so far." if answer.state == "working" else ""
        st.caption(f":material/hourglass_top: {session.plain(answer.message)}{waited} Until then this is PCA.")
    else:
        st.caption(colouring.note(want.mode, seen, probe))


def _umap_words(layout: Layout, seen: Seen) -> str:
    """What this picture is, and what must not be read from it."""
    if layout.method != "umap":
        return f"Only {layout.distinct} of these vectors differ, too few for UMAP to have neighbourhoods to keep: this is their PCA."
    said = [f"UMAP at step {layout.step:,}: neighbours stay together, but distances, sizes and empty space mean nothing here."]
    if layout.repeated_codes:
        said.append(
            f"{layout.repeated_codes} of {seen.K} codes repeat another code. They were left out of the computing and lie exactly on the "
            "code that they repeat, so fewer marks are seen than there are codes."
        )
    if layout.repeated_cloud:
        said.append(f"{layout.repeated_cloud} encoder outputs repeat as well.")
    if layout.left_out:
        said.append(f"{layout.left_out} vectors were left out: not finite, or of the least used codes.")
    return " ".join(said)


def _scene(seen: Seen, probe: Probe | None, layout: Layout | None, want: Wanted) -> Scene:
    """Made once for all who look at the same."""
    shape = (want.neighbours, want.min_dist, layout.step) if layout is not None else None
    mode = want.mode if want.mode in colouring.modes(probe) else "code"
    name = (
        seen.run.path,
        seen.book,
        seen.whole,
        seen.film.stamps,
        seen.film.epoch_steps,
        mode,
        probe.step if probe else None,
        shape,
        len(seen.marks),
    )
    with _guard:
        if name in _scenes:
            _scenes.move_to_end(name)
            return _scenes[name]
    scene = _made(seen, probe, layout, mode)
    with _guard:
        _scenes[name] = scene
        while len(_scenes) > _KEPT:
            _scenes.popitem(last=False)
    return scene


def _made(seen: Seen, probe: Probe | None, layout: Layout | None, mode: colouring.Mode) -> Scene:
    film = seen.film
    paint = colouring.paint(mode, seen, probe)
    decoded = probe.books[seen.book] if probe is not None else None
    pictured = decoded is not None and decoded.decoded.ndim == 4 and seen.whole  # a first look does without
    more: dict[str, Any] = {
        "marks": seen.marks,
        "legend": paint.keys,
        "ramp": paint.ramp,
        "labels": colouring.labels(seen, probe),
        "sheet": sheet_of(decoded.decoded, decoded.decoded_code) if decoded is not None and pictured else None,
    }
    if layout is None or probe is None:
        return scene_of_film(film, seen.basis, paint.colours, **more)
    at = film.at(layout.step)
    return Scene(
        steps=np.array([layout.step]),
        points=layout.codes[None],
        colours=paint.colours if paint.colours.ndim == 2 else paint.colours[at],
        usage=film.hits[at : at + 1],
        dead=film.dead[at : at + 1],
        age=film.age[at : at + 1],
        cloud=layout.cloud[None],
        cloud_code=probe.books[seen.book].z_code[None],
        still=True,
        **more,
    )
