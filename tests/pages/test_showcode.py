"""“Show me the code” on every screen that shows a result: a few lines, filled in for what is on the screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from tests.pages.test_runs import ticked
from vqcore.runs.folder import RunFolder
from vqcore.snippets.snippet import ROOT

LETTERS, UNTREATED, TREATED, PRIOR = "20261123-150745-7a44", "20261123-151218-f634", "20261123-151218-4ae4", "20261123-181115-1d7e"
SCREENS = {
    "train": (LETTERS, ("Trainer(config", "NMSE 0.0637, codes used 64 of 64")),
    "inside": (LETTERS, ("model.indices", "different codes")),
    "snap": ("", ("microscope.frame", "step 40: loss")),
    "codes": (LETTERS, ("validation_usage", "easel.decode")),
    "bits": (LETTERS, ("49 codes of 6 bits: 294 bits", "SweepStore")),
    "priors": (PRIOR, ("PriorTrainer", "2.106 bits per code")),
    "paint": (LETTERS, ("easel.decode(codes)",)),
    "invent": (PRIOR, ("sample(prior, 16, seed=0)", "a real image: 103 bits, 2.11 a code")),
}


@pytest.fixture
def bundled(page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Opens a screen on the runs that come with the program, as `page` does."""
    monkeypatch.setattr(session, "DEMO", ROOT / "assets" / "demo")
    return page


def shown(at: AppTest, key: str) -> list[str]:
    """Every piece of code on the page, with the popover open."""
    at.session_state[f"code_{key}"] = True
    at.run()
    assert not at.exception
    return [code.value for code in at.code]


@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_with_a_result_shows_its_code(bundled: Callable[..., AppTest], name: str) -> None:
    run, wanted = SCREENS[name]
    at = bundled(name, run=run)
    assert not at.code, "nothing is put together while nobody looks"
    text = "\n".join(shown(at, "prior" if name == "priors" else name))
    for part in wanted:
        assert part in text
    assert str(ROOT) not in text, "a path of the repository is told from there"
    if run:
        assert f'Path("assets/demo/{run}")' in text or name in ("bits",)


def test_collapse_keeps_the_cause_until_it_was_guessed(bundled: Callable[..., AppTest]) -> None:
    at = bundled("collapse", run=UNTREATED)
    assert not shown(at, "collapse")
    assert any(info.value.startswith("Guess the cause first") for info in at.info)
    at.session_state["collapse_shown"] = {TREATED}
    text = "\n".join(shown(at, "collapse"))
    assert '"Treated": Planned({204: [Command("revive")]})' in text
    assert "Untreated: NMSE 0.2254, codes used 3 of 32" in text and "Treated: NMSE 0.1096, codes used 31 of 32" in text
    assert "In good health" in text, "the diagnosis is the patient's"


def test_the_museum_keeps_the_bug_until_it_was_named(bundled: Callable[..., AppTest]) -> None:
    at = bundled("museum")
    assert not any("vqcore.museum" in code for code in shown(at, "museum"))
    assert any(info.value.startswith("Name the bug first") for info in at.info)
    key = str(at.pills(key="museum_patient").value)
    at.session_state["museum_told"] = {key}
    text = "\n".join(shown(at, "museum"))
    assert f'pair("{key}", seed=0)' in text and "With the bug: NMSE" in text


def test_runs_side_by_side(bundled: Callable[..., AppTest]) -> None:
    at = bundled("runs")
    ticked(at, session.store(), UNTREATED, TREATED)
    text = "\n".join(shown(at, "runs"))
    assert f"{UNTREATED}: step 600, NMSE 0.2254" in text and f"{TREATED}: step 600, NMSE 0.1096" in text


def test_a_sweep(bundled: Callable[..., AppTest]) -> None:
    at = bundled("collapse")
    at.session_state["collapse_view"] = "sweeps"
    at.run()
    text = "\n".join(shown(at, "sweeps"))
    assert "SweepStore" in text and "codes used, NMSE" in text and "Trainer(config" in text


def test_what_people_typed_stays_out(page: Callable[..., AppTest], finished: Callable[..., RunFolder]) -> None:
    run = finished('"); print(1) #')
    text = "\n".join(shown(page("train", run=run.id), "train"))
    assert ("print(1)" not in text and run.path.as_posix() in text) or "Trainer(" in text


def test_a_room_and_hidden_figures(page: Callable[..., AppTest], finished: Callable[..., RunFolder]) -> None:
    run = finished()
    at = page("train", run=run.id)
    at.session_state["parts_hidden"] = frozenset({"figures"})
    assert not any("codes used 5 of 8" in code for code in shown(at, "train"))
    at.session_state["parts_hidden"] = frozenset()
    assert any("codes used 5 of 8" in code for code in shown(at, "train"))
    at.session_state["projector"] = True
    assert not shown(at, "train")
