"""What one code is: what it draws, the patches behind it, its neighbours, its life, where it fires."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import asked, number, session
from pages.ui.chart import chart
from pages.ui.codes import choice, drawing
from pages.ui.codes.look import Seen
from pages.ui.serial import serial
from pages.ui.terms import help_text
from vqcore.plots.codes import points_of_code, use_of_code
from vqcore.runs.probed import Patch, Probe
from vqcore.usage import nearest

NEIGHBOURS = 5
LOW = 220  # pixels, of the small charts


def finder(seen: Seen, of: str) -> None:
    """Search by index, next, previous."""
    choice.refill(of, seen.K)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="codes_finder"):
        number.number(
            f"Code, 0 to {seen.K - 1}",
            number.Range(0, seen.K - 1),
            key=choice.NUMBER,
            placeholder="none",
            on_change=choice.from_number,
            args=(of,),
            help=help_text("code", "index"),
            width=150,
            optional=True,
            live=False,
            keep=False,
        )
        for name, by, icon in (("Previous", -1, ":material/arrow_back:"), ("Next", 1, ":material/arrow_forward:")):
            st.button("", icon=icon, key=f"codes_{name.lower()}", on_click=choice.turn, args=(of, by, seen.K), help=f"{name} code by index")


def portrait(seen: Seen, probe: Probe | None, answer: asked.Answer, code: int) -> None:
    """The code in words and pictures."""
    colour = seen.colour(code)
    st.html(f'<p style="margin:0">{drawing.swatch(colour)}<b>Code {code}</b> · {_life(seen, code)}</p>')
    st.caption(_use(seen, probe, code))
    with st.container(key="codes_portrait"):
        if probe is None:
            _coming(seen, answer)
        elif probe.pictures.ndim == 4:
            _html("codes_pictures", _pictures(seen, probe, code))
        else:
            _points(seen, probe, code)
        if probe is not None and answer.state == "failed":
            _coming(seen, answer)
        elif probe is not None and probe.step != seen.last:
            st.caption(f"Pictures of the model at step {probe.step:,}, its latest checkpoint.")


def _life(seen: Seen, code: int) -> str:
    film = seen.film
    if film.dead[-1, code]:
        word = "dead" if seen.learned else "unused"
        return f"{word}: never chosen" if film.age[-1, code] < 0 else word
    return "alive" if seen.learned else "in use"


def _use(seen: Seen, probe: Probe | None, code: int) -> str:
    film = seen.film
    counts = film.validation_usage[-1]
    total, own = int(counts.sum()), int(counts[code])
    if own:
        rank = int((counts > own).sum()) + 1
        said = [f"Chosen for {percent(own / total)} of the validation {seen.places} ({own:,} of {total:,}), rank {rank} of {seen.K}."]
    else:
        said = [f"Not chosen for any of {total:,} validation {seen.places}."]
    age = int(film.age[-1, code])
    if age < 0:
        said.append("Training has never chosen it.")
    else:
        said.append("Training chose it in its latest step." if age == 0 else f"Training last chose it {age:,} steps ago.")
    if probe is not None and probe.label_names:
        label, purity = (array[code] for array in probe.books[seen.book].majority())
        if label >= 0:
            said.append(f"Most often in {seen.config.data.noun}s of “{probe.label_names[label]}” ({100 * purity:.0f} % of its uses).")
    return session.plain(" ".join(said))


def percent(share: float) -> str:
    """A share of 0 to 1 to two figures: 0.34 %, 12 %, 100 %."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 9.95 else f"{value:.2g} %"


def _coming(seen: Seen, answer: asked.Answer) -> None:
    """In the place of pictures that have to be computed first."""
    match answer.state:
        case "failed":
            st.warning(session.plain(answer.message), icon=":material/error:")
            if st.button("Try again", icon=":material/refresh:", key="codes_probe_retry"):
                asked.retry(seen.run, "probe")
                st.rerun()
        case "working":
            st.info(
                f"What each code draws, and its real patches, come in a moment. {session.plain(answer.message)}",
                icon=":material/hourglass_top:",
            )
        case _:
            st.info(session.plain(answer.message), icon=":material/hourglass_empty:")


# ---- pictures


def _pictures(seen: Seen, probe: Probe, code: int) -> str:
    """HTML: what the code draws, beside the real patches that chose it."""
    colour = seen.colour(code)
    drawn = probe.books[seen.book].drawn(code)
    patches = probe.patches(seen.book, code)
    alone = seen.cells == 1
    title = "It draws" if alone else "Alone it draws"
    picture = drawing.draws(drawn, colour, f"what code {code} decodes to") if drawn is not None else "<p>Not decoded: too seldom used.</p>"
    left = f"<figure><figcaption>{title}</figcaption>{picture}</figure>"
    named = "Real images that chose it, the nearest first" if alone else "Frames mark cells that chose it"
    tiles = "".join(_patch(seen, probe, patch) for patch in patches)
    right = (
        f'<div><div class="vq-figcaption">{named}</div><div class="vq-tiles">{tiles}</div></div>'
        if patches
        else "<p>No validation image has chosen it.</p>"
    )
    return f'<div class="vq-about">{left}{right}</div>'


def _patch(seen: Seen, probe: Probe, found: Patch) -> str:
    picture = probe.pictures[found.picture]
    H, W = picture.shape[:2]
    cell = drawing.cell_box(found.row, found.col, cell_size(seen), H, W)
    label = f", label {probe.label_names[found.label]}" if 0 <= found.label < len(probe.label_names) else ""
    alt = f"image {found.image}{label}, row {found.row + 1}, column {found.col + 1}, at distance {found.distance:.2g}"
    return drawing.patch(picture, cell, found.box, alt)


def _points(seen: Seen, probe: Probe, code: int) -> None:
    """The plane of the data: the points behind the code, and where it decodes to."""
    own = np.array([probe.pictures[found.picture] for found in probe.patches(seen.book, code)], dtype=np.float32).reshape(-1, 2)
    drawn = probe.books[seen.book].drawn(code)
    figure = points_of_code(probe.pictures, own, drawn, code, drawing.css(seen.colour(code)))
    chart(figure, "codes_points", 300, of=seen.run.id)


def cell_size(seen: Seen) -> int | None:
    """How many pixels a cell is wide and high; None: a single vector for the whole picture."""
    size = seen.config.model.downsampling
    return None if size == "vector" else size


# ---- neighbours


def neighbours(seen: Seen, probe: Probe | None, code: int, of: str) -> None:
    """The nearest codes, with their distances in D dimensions; a click selects one."""
    found = nearest(seen.film.codebook[-1], code, NEIGHBOURS)
    st.markdown(f"**Nearest codes**, with distances in all {seen.D} dimensions", help=help_text("neighbours"))
    if not found:
        st.caption("There is none: the code is not finite.")
        return
    with st.container(horizontal=True, gap="xsmall", key="codes_near"):
        for place, (other, distance) in enumerate(found):
            with st.container(width=64, gap="xxsmall", key=f"codes_near_tile_{place}"):
                drawn = probe.books[seen.book].drawn(other) if probe is not None else None
                picture = drawn if drawn is not None and drawn.ndim == 3 else None
                st.html(drawing.near(picture, seen.colour(other), f"code {other}"))
                st.button(
                    f"{other}",
                    key=f"codes_near_{place}",
                    on_click=choice.choose,
                    args=(of, other),
                    width="stretch",
                )
                st.caption(f"{distance:.3g}")


# ---- life and place


def life(seen: Seen, code: int) -> None:
    """Its usage over training."""
    film = seen.film
    st.markdown("**Its usage through training**", help=help_text("usage", "dead"))
    chart(use_of_code(film.steps, film.hits, film.dead, code, drawing.css(seen.colour(code))), "codes_use", LOW, of=f"{seen.run.id} {code}")


def fires(seen: Seen, code: int) -> None:
    """Where it stands in the gallery's images."""
    st.markdown("**Where it fires**", help=help_text("fires", "gallery"))
    gallery = seen.gallery
    if gallery is None or seen.book >= len(gallery.indices):
        st.caption("This comes with the first evaluation.")
        return
    index = gallery.indices[seen.book]
    here = (index == code).reshape(len(index), -1)
    places = f", {int(here.sum()):,} of {here.size:,} cells" if here.shape[1] > 1 else ""
    st.caption(f"In {int(here.any(axis=1).sum())} of {len(index)} validation {seen.config.data.noun}s{places}, at step {gallery.step:,}.")
    if gallery.inputs.ndim == 4:
        alt = f"code {code} in {len(index)} validation images"
        _html("codes_fires", drawing.fires(gallery.inputs, _grid(index == code), cell_size(seen), seen.colour(code), alt))


def _html(key: str, drawn: str) -> None:
    """Much HTML that changes by clicks."""
    st.html(f'<div data-serial="{serial(key, drawn)}">{drawn}</div>')


def _grid(fired: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N, h, w), whatever axes the grid has."""
    if fired.ndim == 3:
        return fired
    return fired.reshape(len(fired), 1, math.prod(fired.shape[1:]))
