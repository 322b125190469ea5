"""Priors: learn how a model's codes hang together, and watch pictures come out of nothing."""

from __future__ import annotations

import streamlit as st

from pages.ui import example, needed, session, terms
from pages.ui.empty import no_run
from pages.ui.example import folder_of
from pages.ui.parts import hint
from pages.ui.priors import cards, watching
from pages.ui.screens import header
from vqcore.runs.folder import RunFolder

# On a telephone the samples stay at the top while the cards below them are used.
STYLE = """<style>
@media (max-width: 640px) {
  .st-key-priors_main > [data-testid="stLayoutWrapper"]:has(> .st-key-priors_picture) {
    position: sticky; top: 3.75rem; z-index: 5; max-height: 46vh; overflow-y: auto; background: GROUND;
  }
}
</style>"""


def shown_prior(opened: RunFolder | None) -> RunFolder | None:
    """The open prior; else the best one over the open model's codes; with nothing open the bundled one, or one of the example's codes."""
    if opened is not None and session.parent_of(opened) is not None:
        return opened
    model = opened or folder_of(session.example_prior()) or folder_of(session.example())
    if model is None or session.parent_of(model) is not None:
        return model
    best = min(cards.trained_on(model).values(), key=lambda entry: (entry.figures and entry.figures.bits) or 0.0, default=None)
    return folder_of(best.id) if best is not None else None


def learn(parent: RunFolder) -> None:
    """The ladder, for the codes of one model."""
    told = session.parent_of(parent)
    name = session.plain((told.name or told.run) if told else parent.about().name)
    st.markdown(f"**Learn the codes of {name}**")
    cards.cards(parent)


header("priors")
theme = "dark" if st.context.theme.type == "dark" else "light"
st.html(STYLE.replace("GROUND", str(st.get_option(f"theme.{theme}.backgroundColor"))))
opened = session.current_run()
prior = shown_prior(opened)
parent = opened or prior or folder_of(session.example())
if opened is None and parent is not None:
    example.say(parent)
noun = parent.config().data.noun if parent is not None else "image"
with st.container(key="priors_main", gap="xsmall"):
    if prior is not None:
        with st.container(key="priors_picture"):
            watching.picture(prior)
    elif parent is not None:
        hint(f"Count the histogram first: it takes seconds. Do its {noun}s look like anything?")
    if parent is not None:
        if needed.served("priors", parent):
            learn(parent)
    else:
        no_run("Here a prior learns which grids of codes are likely, and draws new ones. It needs a trained model.")
if prior is not None:
    hint(f"Count the histogram, then train PixelCNN: whose {noun}s are better, and by how many bits?")
    watching.details(prior)
elif parent is not None:
    st.info(
        f"A model turns {noun}s into grids of codes. A prior learns which grids are likely, cell by cell; what it draws, the model's "
        f"decoder turns into {noun}s that nobody has seen. Choose how much it may know.",
        icon=":material/lightbulb:",
    )
terms.words(
    "prior",
    "autoregressive",
    "raster_order",
    "uniform",
    "histogram",
    "pixelcnn",
    "transformer",
    "conditional",
    "cross_entropy",
    "bits_per_code",
    "bits_per_image",
    "overfitting",
    "samples",
    key="priors",
)
