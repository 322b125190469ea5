"""The bit counter: K, D and the grid, one picture's message, and what the codebook takes.

Session keys owned here: `bits_K`, `bits_D`, `bits_side`, `bits_guess`, `bits_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui import session, terms
from pages.ui.bits.message import shown as drawn
from vqcore.errors import RunError
from vqcore.records import Gallery
from vqcore.runs.folder import RunFolder
from vqcore.sweeps.results import parameters

CODES = tuple(2**i for i in range(1, 17))
DIMENSIONS = tuple(2**i for i in range(9))
SIDES = (1, 2, 4, 7, 8, 14, 16)
GUESSES = ("halve", "stay the same", "double")


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
class _Example:
    """One run's picture with its codes."""

    name: str
    K: int
    D: int
    gallery: Gallery
    network: int


def counter() -> Choice:
    """Draw sliders, message and figures; returns what is chosen."""
    example = _example()
    _adopt(example)
    left, right = st.columns([3, 2], gap="large")
    with right:
        choice = _sliders(example)
    with left:
        _message(choice, example)
    return choice


def _example() -> _Example | None:
    """The open run's first picture, else that of a run that comes with the program."""
    folder, example = session.current_model(), session.example()
    if folder is None and example:
        folder = session.store().get(example)
    if folder is not None:
        try:
            gallery, config = folder.gallery(), folder.config()
            if gallery is not None and gallery.inputs.ndim == 4 and gallery.indices and gallery.z_q.ndim == 4:
                quantizer = config.model.quantizer
                return _Example(folder.about().name, quantizer.K, quantizer.D, gallery, _network(folder, quantizer.K * quantizer.D))
        except RunError:
            return None
    return None


def _network(folder: RunFolder, codebook: int) -> int:
    return max(0, parameters(folder.checkpoint_path) - codebook)


def _adopt(example: _Example | None) -> None:
    """Begin at the shown run's settings; afterwards the sliders are the student's."""
    of = example.name if example else ""
    if st.session_state.get("bits_of") == of and "bits_K" in st.session_state:
        return
    st.session_state["bits_of"] = of
    side = example.gallery.indices[0].shape[-1] if example and example.gallery.indices[0].ndim == 3 else 1 if example else 7
    st.session_state["bits_K"] = _nearest(CODES, example.K if example else 64)
    st.session_state["bits_D"] = _nearest(DIMENSIONS, example.D if example else 16)
    st.session_state["bits_side"] = _nearest(SIDES, side)


def _nearest(options: Sequence[int], value: int) -> int:
    return min(options, key=lambda option: abs(option - value) / option)


def _sliders(example: _Example | None) -> Choice:
    K = st.select_slider("Codes K", CODES, format_func=lambda k: f"{k:,}", key="bits_K", help=terms.help_text("K"))
    side = st.select_slider("Grid", SIDES, format_func=_grid, key="bits_side", help=terms.help_text("M", "latent_grid"))
    guessed = st.session_state.get("bits_guess")
    D = st.select_slider("Code dimension D", DIMENSIONS, key="bits_D", help=terms.help_text("D"), disabled=guessed is None)
    st.segmented_control(
        "**Predict first.** D doubles, all else stays. The bits of an image …", GUESSES, key="bits_guess", help=terms.help_text("capacity")
    )
    choice = Choice(int(K), int(D), int(side), example.network if example else 0)
    if guessed is None:
        st.caption("Your guess unlocks the slider of D.")
    else:
        right = "Yes" if guessed == "stay the same" else "No"
        st.markdown(
            f"{right}: they stay **{choice.total:,}**. An image is sent as the numbers of its codes, and which of {choice.K:,} it is takes "
            f"{choice.bits} {'bit' if choice.bits == 1 else 'bits'}, however many numbers a code has. D changes the codebook: move it."
        )
    return choice


def _grid(side: int) -> str:
    return f"{side}×{side}" if side > 1 else "1 vector"


def _message(choice: Choice, example: _Example | None) -> None:
    if example is None:
        st.html(drawn((choice.side, choice.side), choice.bits))
        return
    gallery = example.gallery
    h, w = gallery.z_q.shape[1:3]
    index = gallery.indices[0][0].reshape(h, w) if gallery.indices[0][0].size == h * w else None
    same = index is not None and (h, w) == (choice.side, choice.side) and example.K == choice.K and int(index.max()) < choice.K
    if same:
        st.html(
            drawn(
                (h, w),
                choice.bits,
                picture=gallery.inputs[0],
                redrawn=gallery.reconstructions[0],
                index=index,
                colours=gallery.z_q[0],
            )
        )
        st.caption(f"A picture of the run “{session.plain(example.name)}”: each cell's bits are the number of its code.")
    else:
        st.html(drawn((choice.side, choice.side), choice.bits, picture=gallery.inputs[0]))
        st.caption(
            f"No model with these settings is open: only the length of its message is known. “{session.plain(example.name)}” has others."
        )


def figures(choice: Choice, used: tuple[str, str]) -> None:
    """Bits, codebook, bytes, and the share of codes used as measured (`used`: label and value)."""
    numbers = choice.K * choice.D
    with st.container(horizontal=True, key="bits_figures"):
        for label, value, shown in (
            ("Bits an image", f"{choice.total:,}", terms.help_text("capacity", "fixed_bits")),
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
