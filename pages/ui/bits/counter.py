"""The bit counter: K, D and the grid, what a model of that K and grid makes of pictures, and what the codebook takes.

Session keys owned here: `bits_K`, `bits_D`, `bits_side`, `bits_guess`, `bits_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import session, terms
from pages.ui.bits.message import shown as drawn
from pages.ui.pictures import show, side_by_side, strip
from vqcore.errors import RunError
from vqcore.rates import points
from vqcore.runs.folder import RunFolder
from vqcore.sweeps.results import parameters

CODES = tuple(2**i for i in range(1, 17))
DIMENSIONS = tuple(2**i for i in range(9))
SIDES = (1, 2, 4, 7, 8, 14, 16)
GUESSES = ("halve", "stay the same", "double")
NONE = "–"
# on a telephone the pictures stay in view while the sliders below them are moved
STYLE = """<style>
@media (max-width: 640px) {
  .st-key-bits_top [data-testid="stColumn"]:has(.st-key-bits_picture) {
    position: sticky; top: 3.5rem; z-index: 5; background: GROUND; padding-bottom: 0.4rem;
  }
}
</style>"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the sliders say, and the run whose picture is shown. `network`: numbers of its encoder and decoder, 0 when unknown."""

    K: int
    D: int
    side: int
    network: int

    @property
    def bits(self) -> int:
        """log2 K, per cell."""
        return self.K.bit_length() - 1

    @property
    def total(self) -> int:
        """M · log2 K, per image."""
        return self.side**2 * self.bits


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its first pictures: inputs and reconstructions uint8 (N, H, W, C), codes int (N, h, w), their colours uint8 (N, h, w, 3).

    `run`: the open run's folder; None for a model that comes with the program. `nmse`: over all validation pictures, None when unknown.
    """

    name: str
    K: int
    D: int
    inputs: NDArray[np.uint8]
    reconstructions: NDArray[np.uint8]
    indices: NDArray[np.int32]
    colours: NDArray[np.uint8]
    nmse: float | None
    network: int
    run: RunFolder | None = None

    @property
    def side(self) -> int:
        """Of its grid; 0 where the grid is no square."""
        h, w = self.indices.shape[1:]
        return h if h == w else 0


def counter() -> tuple[Choice, Model | None]:
    """Draw sliders, message, pictures and figures; returns what is chosen, and the model of that K and grid where there is one."""
    opened = _opened()
    _adopt(opened)
    theme = "dark" if st.context.theme.type == "dark" else "light"
    st.html(STYLE.replace("GROUND", str(st.get_option(f"theme.{theme}.backgroundColor"))))
    with st.container(key="bits_top"):
        left, right = st.columns([3, 2], gap="large")
        with right:
            choice, model = _sliders(opened)
        with left, st.container(key="bits_picture"):
            _message(choice, model, opened)
    return choice, model


def model_of(K: int, side: int, opened: Model | None) -> Model | None:
    """The open run where it has this K and grid, else the model that comes with the program, if there is one."""
    if opened is not None and (opened.K, opened.side) == (K, side):
        return opened
    point = points.read(K, side)
    if point is None:
        return None
    D = points.config(K, side).plain_vq().D
    return Model("Letters", K, D, point.inputs, point.reconstructions, point.indices, point.colours, point.nmse, point.network)


def _opened() -> Model | None:
    """The open run; None without one, and for a run without pictures or with another number of codebooks than one."""
    folder = session.current_model()
    if folder is None:
        return None
    try:
        gallery, config = folder.gallery(), folder.config()
        if gallery is None or gallery.inputs.ndim != 4 or not gallery.indices or gallery.z_q.ndim != 4:
            return None
    except RunError:
        return None
    if len(config.books()) != 1:
        return None  # its sliders are of one codebook
    (book,) = config.books()
    figures = next((entry.figures for entry in session.store().list() if entry.id == folder.id), None)
    indices = gallery.indices[0]
    if indices.size != gallery.z_q[..., 0].size:
        return None
    return Model(
        folder.about().name,
        book.K,
        book.D,
        gallery.inputs,
        gallery.reconstructions,
        indices.reshape(gallery.z_q.shape[:3]),
        gallery.z_q,
        None if figures is None else figures.nmse,
        max(0, parameters(folder.checkpoint_path) - book.K * book.D * book.learned),
        folder,
    )


def _adopt(opened: Model | None) -> None:
    """Begin at the open run's settings; afterwards the sliders are the student's."""
    of = opened.run.id if opened and opened.run else ""
    if st.session_state.get("bits_of") == of and "bits_K" in st.session_state:
        return
    st.session_state["bits_of"] = of
    st.session_state["bits_K"] = _nearest(CODES, opened.K if opened else 64)
    st.session_state["bits_D"] = _nearest(DIMENSIONS, opened.D if opened else 8)
    st.session_state["bits_side"] = _nearest(SIDES, opened.side or 1 if opened else 7)


def _nearest(options: Sequence[int], value: int) -> int:
    return min(options, key=lambda option: abs(option - value) / option)


def _sliders(opened: Model | None) -> tuple[Choice, Model | None]:
    K = st.select_slider("Codes K", CODES, format_func=lambda k: f"{k:,}", key="bits_K", help=terms.help_text("K"))
    side = st.select_slider("Grid", SIDES, format_func=_grid, key="bits_side", help=terms.help_text("M", "latent_grid"))
    model = model_of(int(K), int(side), opened)
    with st.container(horizontal=True, gap="small"):
        bits = int(side) ** 2 * (int(K).bit_length() - 1)
        st.metric("Bits an image", f"{bits:,}", help=terms.help_text("capacity", "fixed_bits"), width=150)
        error = NONE if model is None or model.nmse is None else f"{model.nmse:.4f}"
        st.metric("Error (NMSE)", error, help=terms.help_text("nmse"), width=150)
    guessed = st.session_state.get("bits_guess")
    D = st.select_slider("Code dimension D", DIMENSIONS, key="bits_D", help=terms.help_text("D"), disabled=guessed is None)
    st.segmented_control(
        "**Predict first.** D doubles, all else stays. The bits of an image …", GUESSES, key="bits_guess", help=terms.help_text("capacity")
    )
    known = model or opened
    choice = Choice(int(K), int(D), int(side), known.network if known else 0)
    if guessed is None:
        st.caption("Your guess unlocks the slider of D.")
    else:
        right = "Yes" if guessed == "stay the same" else "No"
        st.markdown(
            f"{right}: they stay **{choice.total:,}**. An image is sent as the numbers of its codes, and which of {choice.K:,} it is takes "
            f"{choice.bits} {'bit' if choice.bits == 1 else 'bits'}, however many numbers a code has. D changes the codebook, "
            f"now **{choice.K * choice.D:,} numbers**: move it."
        )
    return choice, model


def _grid(side: int) -> str:
    return f"{side}×{side}" if side > 1 else "1 vector"


def _message(choice: Choice, model: Model | None, opened: Model | None) -> None:
    """One picture as a message, and what becomes of sixteen."""
    if model is None:
        shown = opened or model_of(64, 7, None)
        st.html(drawn((choice.side, choice.side), choice.bits, picture=shown.inputs[0] if shown else None))
        st.info(
            "No model with these settings: only the length of its message is known. Models come with the program for K up to "
            f"{points.CODES[-1]:,} and grids of {', '.join(_grid(side) for side in points.GRIDS)}. Train others on Train.",
            icon=":material/hide_image:",
        )
        return
    index, colours = model.indices[0], model.colours[0]
    h, w = index.shape
    st.html(drawn((h, w), choice.bits, picture=model.inputs[0], redrawn=model.reconstructions[0], index=index, colours=colours))
    some = slice(0, points.PICTURES)
    rows = strip("Originals", side_by_side(model.inputs[some]), f"{points.PICTURES} original pictures")
    rows += strip("Redrawn", side_by_side(model.reconstructions[some]), "what this model makes of them")
    show(rows, "bits_pictures")
    if model.run is not None:
        st.caption(f"Pictures of the run “{session.plain(model.name)}”.")
    else:
        st.caption(f"A model with these settings, trained on letters with D = {model.D}. Each cell's bits are the number of its code.")


def figures(choice: Choice, used: tuple[str, str]) -> None:
    """Codebook, bytes, and the share of codes used as measured (`used`: label and value)."""
    numbers = choice.K * choice.D
    with st.container(horizontal=True, key="bits_figures"):
        for label, value, shown in (
            ("Codebook K·D", f"{numbers:,}", terms.help_text("codebook_size")),
            ("Its memory", memory(4 * numbers), terms.help_text("codebook_size")),
            (*used, terms.help_text("share_used")),
        ):
            st.metric(label, value, help=shown, border=True, width=168)


def memory(size: int) -> str:
    """Bytes as people say them."""
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 2**power:
            return f"{size / 2**power:,.4g} {unit}"
    return f"{size} bytes"
