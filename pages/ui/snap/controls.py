"""The controls of the microscope: phases, steps, what is held, and what it is set up with. Session keys: `pages.ui.snap.bench`'s."""

from __future__ import annotations

import streamlit as st

from pages.ui import models, number, session, terms
from pages.ui.parts import hidden
from pages.ui.snap import bench
from pages.ui.snap.bench import Bench
from pages.ui.snap.phases import PHASES
from pages.ui.snap.setups import LARGEST_K, SMALLEST_K, SOURCES, STARTS
from pages.ui.terms import field_help, help_text
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import TrainConfig

LEARNING = {"gradient": "Gradient", "ema": "EMA"}
WORDS = ("z_e", "z_q", "index", "straight_through", "rotation", "stop_gradient", "codebook_loss", "commitment", "ema")
ESTIMATOR = {"straight_through": "Copied", "rotation": "Rotated"}


def phases() -> None:
    """A button for each phase."""
    st.session_state.setdefault("snap_phase", bench.ORDER[0])
    st.segmented_control(
        "Phase of the step",
        bench.ORDER,
        format_func=lambda name: f"{bench.ORDER.index(name) + 1} {PHASES[name].title}",
        key="snap_phase",
        persist_state="session",
        required=True,
        label_visibility="collapsed",
        wrap=True,
    )


def steps(now: Bench) -> None:
    """On and back. What needs the model waits for it. No tooltips: they would hide the phases."""
    at = bench.ORDER.index(bench.phase())
    first, last = at == 0, at == len(bench.ORDER) - 1
    idle, remembered = not now.live, now.steps_back > 0
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="snap_steps"):
        st.button(
            "Back",
            icon=":material/arrow_back:",
            on_click=bench.last_phase,
            disabled=first and not remembered,
            key="snap_back",
            shortcut="B",
        )
        name = "Next step" if last else "Next"
        st.button(
            name,
            icon=":material/arrow_forward:",
            type="primary",
            on_click=bench.next_phase,
            disabled=last and idle,
            key="snap_next",
            shortcut="N",
        )
        st.button("Step", icon=":material/skip_next:", on_click=bench.forward, args=(1,), disabled=idle, key="snap_step", shortcut="S")
        st.button(
            "Ten steps", icon=":material/fast_forward:", on_click=bench.forward, args=(10,), disabled=idle, key="snap_ten", shortcut="T"
        )
        st.button(
            "Step back", icon=":material/skip_previous:", on_click=bench.backward, args=(1,), disabled=not remembered, key="snap_step_back"
        )
        st.toggle(
            "Freeze the encoder",
            key="snap_frozen",
            on_change=bench.held,
            disabled=idle,
            help="Its weights stay as they are, and the same batch comes again. Keep stepping: codes walk onto the means of their cells.",
        )


def rest(now: Bench) -> None:
    """What is needed less often."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="snap_rest"):
        st.button("Reset", icon=":material/restart_alt:", on_click=bench.reset, disabled=not now.live, key="snap_reset")
        st.toggle("Keep this batch", key="snap_kept", on_change=bench.kept, disabled=not now.live, help=help_text("batch"))
        terms.words(*WORDS, key="snap")


def note(now: Bench) -> str:
    """Why only the phases of the first step can be looked at; "" once the model answers."""
    if now.live:
        return ""
    return "The model could not be loaded" if models.problem() else "Loading the model for further steps …"


def problem() -> None:
    """What is wrong on the server, and a second try. Nothing while all goes well."""
    if told := models.problem():
        st.error(session.plain(told), icon=":material/error:")
        st.button("Try again", icon=":material/refresh:", on_click=models.warm, key="snap_again")


def settings(now: Bench) -> None:
    """What may change on the way, and what starts anew."""
    if hidden("customise"):
        return
    with st.expander("Customise", icon=":material/tune:", key="snap_customise"):
        left, right = st.columns(2)
        with left:
            st.markdown("**From this step on**")
            _choice("How codes learn", LEARNING, "snap_learning", "learning", now)
            _choice("Gradient at z_e", ESTIMATOR, "snap_estimator", "estimator", now)
            for name, label, field, bounds, form in (
                ("snap_beta", "Commitment weight β", "commitment_weight", (0.0, 4.0, 0.05), "%.2f"),
                ("snap_decay", "EMA decay γ", "ema_decay", (0.0, 0.99, 0.01), "%.2f"),
            ):
                if hidden(f"model.quantizer.{field}"):
                    continue
                told = str(VQConfig.model_fields[field].description)
                shown = field_help(field, told)
                low, high, by = bounds
                st.slider(
                    label,
                    low,
                    high,
                    step=by,
                    format=form,
                    key=name,
                    on_change=bench.changed,
                    args=(name,),
                    help=shown,
                    disabled=not now.live,
                )
            shown = field_help("lr", str(TrainConfig.model_fields["lr"].description))
            st.select_slider(
                "Learning rate",
                [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
                key="snap_lr",
                on_change=bench.changed,
                args=("snap_lr",),
                help=shown,
                disabled=not now.live,
            )
        with right, st.form("snap_setup", border=False):
            st.markdown("**A new model**")
            setup = now.setup
            st.segmented_control(
                "Data",
                list(SOURCES),
                default=setup.data,
                format_func=lambda name: SOURCES[name].title,
                required=True,
                key=bench.form_key(now, "data"),
            )
            st.segmented_control(
                "Start",
                list(STARTS),
                default=setup.start,
                format_func=lambda name: STARTS[name].title,
                required=True,
                wrap=True,
                key=bench.form_key(now, "start"),
                help=help_text("init"),
            )
            st.slider("Codes K", SMALLEST_K, LARGEST_K, setup.K, key=bench.form_key(now, "K"), help=help_text("K"))
            number.number("Seed", number.Range(0, 9999), setup.seed, key=bench.form_key(now, "seed"), help=help_text("seed"), keep=False)
            st.form_submit_button(
                "Start anew", icon=":material/restart_alt:", disabled=not now.live, key="snap_anew", on_click=bench.set_up
            )


def _choice(label: str, options: dict[str, str], name: str, field: str, now: Bench) -> None:
    if hidden(f"model.quantizer.{field}"):
        return
    told = str(VQConfig.model_fields[field].description)
    st.segmented_control(
        label,
        list(options),
        format_func=options.__getitem__,
        key=name,
        required=True,
        on_change=bench.changed,
        args=(name,),
        help=field_help(field, told),
        disabled=not now.live,
    )
