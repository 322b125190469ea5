"""The picture after each stage of a residual quantizer, and what each stage costs and buys."""

from __future__ import annotations

import streamlit as st

from pages.ui import asked, pictures, session, terms
from pages.ui.chart import chart
from vqcore.plots.stages import by_stage
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Stages

TALL = 280  # pixels


def show(run: RunFolder, image: int) -> None:
    """Ask for it and draw it: the gallery's image of that number, and the curve over all validation images looked at."""
    st.markdown("**Stage by stage**: each codebook describes what those before it left over.", help=terms.help_text("residual"))
    answer = asked.ask(run, "stages")
    data = answer.data if answer.data is not None else answer.earlier
    if data is not None:
        _draw(Stages.of(data), image)
    elif answer.state == "failed":
        st.warning(session.plain(answer.message), icon=":material/error:")
        if st.button("Try again", icon=":material/refresh:", key="bystage_retry"):
            asked.retry(run, "stages")
            st.rerun()
    else:
        waited = f" {answer.seconds:.0f} s so far." if answer.state == "working" else ""
        st.info(f"{session.plain(answer.message)}{waited}", icon=":material/hourglass_top:")


def _draw(found: Stages, image: int) -> None:
    left, right = st.columns([3, 2])
    with left:
        if image < found.pictures.shape[1]:
            row = pictures.side_by_side(found.pictures[:, image])
            alt = f"the image decoded from the first stage alone, and with each further stage, {len(found.names)} pictures"
            pictures.show(pictures.strip("Decoded from stage 1 alone, then with each further stage", row, alt), key="bystage")
        else:
            st.caption(f"Only the first {found.pictures.shape[1]} images are kept stage by stage. Go back to one of them.")
        rows = "".join(
            f"| {name} | {bits:,.0f} | {used:,} | {nmse:.4f} |\n"
            for name, bits, used, nmse in zip(found.names, found.bits, found.used, found.nmse, strict=True)
        )
        st.markdown(f"| With | bits an image | codes used by this stage | NMSE |\n| --- | ---: | ---: | ---: |\n{rows}")
    with right:
        chart(by_stage(found), "bystage_curve", TALL)
    st.caption(f"Over {found.images:,} validation images, by the model of step {found.step:,}.")
