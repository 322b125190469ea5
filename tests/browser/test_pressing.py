"""Everything that can be pressed is pressed, on each screen, in each state that it has; a press changes something that a person sees.

`VQ_PRESSED=<file>` keeps the list of what was pressed. `pytest -m nightly` presses the screens that take minutes, and every control from a
page just opened, in every state.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pages.ui.session import COOKIE, owner_hash
from tests.browser.chromium import Watch
from tests.browser.conftest import TIMEOUT_MS
from tests.browser.ownruns import LETTERS, PRIOR, RIGHT, OwnRuns, State
from tests.browser.pressing import Allowed, Presser, Report
from tests.browser.server import Server

ALLOWED = (
    Allowed("frame_projector|frame_end", "", "leads into the projector's mode, which has a test of its own"),
    Allowed("^snap$", "^z_e of vector", "is dragged, or moved by arrow keys, each with a test of its own"),
    Allowed("^code_", "^Copied$", "says that the press before has copied"),
    Allowed("_map", "^Show everything$", "undoes a zoom: there is nothing to undo while the map shows everything"),
)

Address = Callable[[OwnRuns], str]


def states(screen: str) -> dict[str, Address]:
    """The states of a screen, each with the address that opens it; the first ones offer most."""
    if screen == "start":
        return {f"card {card}": partial(_card, card) for card in range(1, 6)}
    made: dict[str, Address] = {"no run": partial(_bare, screen)}
    if screen in ("lessons", "museum", "snap"):
        return made
    made["example"] = partial(_example, screen)
    kinds: tuple[State, ...] = ("finished", "paused", "running", "stopped", "failed")
    made |= {kind: partial(_own, screen, kind, True) for kind in kinds}
    made["somebody's"] = partial(_own, screen, "finished", False)
    if screen != "collapse":
        made["prior"] = partial(_prior, screen)
    return made


def _card(card: int, _: OwnRuns) -> str:
    return f"?card={card}"


def _bare(screen: str, _: OwnRuns) -> str:
    return screen


def _example(screen: str, _: OwnRuns) -> str:
    return f"{screen}?run={ {'collapse': RIGHT, 'priors': PRIOR, 'invent': PRIOR}.get(screen, LETTERS) }"


def _own(screen: str, state: State, mine: bool, runs: OwnRuns) -> str:
    if screen == "collapse":
        return f"{screen}?run={runs.pair(state, mine=mine).id}"
    return f"{screen}?run={runs.make(state, of=PRIOR if screen in ('priors', 'invent') else LETTERS, mine=mine).id}"


def _prior(screen: str, runs: OwnRuns) -> str:
    return f"{screen}?run={runs.make('finished', of=PRIOR).id}"


SCREENS = ("start", "train", "inside", "snap", "codes", "collapse", "lessons", "bits", "priors", "paint", "invent", "museum", "runs")
# beside these, a screen shows the same whoever's the run is
QUICK = {
    "train": ("no run", "example", "finished", "paused", "running", "failed", "somebody's", "prior"),
    "collapse": ("no run", "finished", "paused"),
    "priors": ("example", "paused"),
}


def quick(screen: str) -> tuple[str, ...]:
    """The states that a quick walk opens."""
    return QUICK.get(screen, tuple(states(screen)) if screen == "start" else tuple(states(screen))[:2])


# a press takes a second or two: the other states, and more than one of those that look alike, are left to the night
EACH_TIME = {"train": ("no run", "example", "paused")}


# the same on every screen: pressed on one
COMMON = ("All words", "Show it to the room")


def each_time(screen: str) -> tuple[str, ...]:
    """The states that every run of the tests opens."""
    return EACH_TIME.get(screen, quick(screen) if screen == "start" else quick(screen)[:1])


def walks(*, night: bool) -> list[tuple[str, str]]:
    """Screens with their states: those of every run of the tests, or the others of a quick walk."""
    return [(screen, state) for screen in SCREENS for state in quick(screen) if (state in each_time(screen)) != night]


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    path = os.environ.get("VQ_PRESSED")
    report = Report(file=Path(path) if path else None)
    yield report
    print("\n" + report.text())
    report.note(report.text())


@pytest.fixture
def visitor(browser: Browser, server: Server, report: Report) -> Iterator[tuple[Presser, OwnRuns]]:
    """A browser that has never been here, and what its owner's runs are made by."""
    token = "p" * 43
    with browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce", accept_downloads=True) as context:
        context.set_default_timeout(TIMEOUT_MS)
        context.add_cookies([{"name": COOKIE, "value": token, "url": server.url}])
        watch = Watch()
        watch.attach(context)
        runs = OwnRuns(server.runs, owner_hash(token))
        yield Presser(context.new_page(), ALLOWED, report), runs
        runs.close()
        assert not watch.strangers


@pytest.fixture(scope="module")
def known() -> dict[str, Presser]:
    """By screen, who has pressed there: what was pressed in an earlier state is not pressed again."""
    return {}


@pytest.mark.parametrize(("screen", "state"), walks(night=False))
def test_each_kind_of_control(
    visitor: tuple[Presser, OwnRuns], server: Server, report: Report, known: dict[str, Presser], screen: str, state: str
) -> None:
    walk(visitor, server, report, known, screen, state, alike=1)


@pytest.mark.nightly
@pytest.mark.parametrize(("screen", "state"), walks(night=True))
def test_each_control_in_the_first_state_that_has_it(
    visitor: tuple[Presser, OwnRuns], server: Server, report: Report, known: dict[str, Presser], screen: str, state: str
) -> None:
    walk(visitor, server, report, known, screen, state, alike=3)


def walk(
    visitor: tuple[Presser, OwnRuns], server: Server, report: Report, known: dict[str, Presser], screen: str, state: str, alike: int
) -> None:
    """Press on one page load; what was pressed in an earlier state of the screen is passed over."""
    presser, runs = visitor
    if earlier := known.get(screen):
        presser.known, presser.families = set(earlier.known), Counter(earlier.families)
    presser.alike = alike
    leave_common(presser, known)
    faults = len(report.faults)
    before = {path.name for path in server.runs.glob("[!.]*")}
    presser.everything(f"{screen}, {state}", lambda: f"{server.url}/{states(screen)[state](runs)}", live=state == "running")
    runs.stop_all(before)
    assert report.faults[faults:] == []
    known[screen] = presser  # not after a fault: a second try presses them all again


def leave_common(presser: Presser, known: dict[str, Presser]) -> None:
    """Pass over what is the same on every screen, where it was pressed on one."""
    pressed = {family for other in known.values() for family in other.families if family[-1] in COMMON}
    presser.families.update(dict.fromkeys(pressed, presser.alike))


def test_each_control_of_the_frame_does_something(visitor: tuple[Presser, OwnRuns], server: Server, report: Report) -> None:
    presser, _ = visitor
    faults = len(report.faults)
    presser.alike = 20
    presser.allowed = (*ALLOWED, Allowed("", "^Museum$", "leads to where one is"))
    presser.everything("frame", lambda: f"{server.url}/museum?run={LETTERS}", regions=("frame",))
    assert report.faults[faults:] == []


FIRST_IN_TABLE = "2099-12-31T00:00:00+00:00"
LINE_PX = 35  # of a table, its head included


@pytest.mark.parametrize("lines", [1, 2])
def test_what_ticked_runs_offer_does_something(visitor: tuple[Presser, OwnRuns], server: Server, report: Report, lines: int) -> None:
    presser, runs = visitor
    faults = len(report.faults)

    def tick() -> None:
        presser.known |= {control.identity for control in presser.controls()}  # what no tick is needed for
        grid = presser.page.get_by_test_id("stDataFrame").first  # drawn on a canvas
        for line in range(lines):
            grid.click(position={"x": LINE_PX / 2, "y": (line + 1.5) * LINE_PX})
            presser.rest()
        expect(presser.page.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Open")).to_be_enabled(enabled=lines == 1)

    def address() -> str:
        for _ in range(lines):
            runs.make(created=FIRST_IN_TABLE)
        return f"{server.url}/runs"

    presser.from_fresh(f"runs, {lines} ticked", address, ready=tick)
    assert report.faults[faults:] == []
    pressed = {control.key for place, control, _ in report.pressed if place == presser.place}
    assert pressed >= {"runs_delete", "runs_sure", "runs_delete_sure"} | ({"runs_open", "runs_rename"} if lines == 1 else set())


# an hour or two in all: each screen may have a process of its own
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("screen", "state"),
    [pytest.param(screen, state, marks=pytest.mark.xdist_group(f"fresh {screen}")) for screen in SCREENS for state in states(screen)],
)
def test_each_control_from_a_fresh_page_in_every_state(
    visitor: tuple[Presser, OwnRuns], server: Server, report: Report, known: dict[str, Presser], screen: str, state: str
) -> None:
    presser, runs = visitor
    presser.alike = 2
    leave_common(presser, known)
    faults = len(report.faults)
    before = {path.name for path in server.runs.glob("[!.]*")}
    presser.from_fresh(f"{screen}, {state}", lambda: f"{server.url}/{states(screen)[state](runs)}", live=state == "running")
    runs.stop_all(before)
    assert report.faults[faults:] == []
    known.setdefault(screen, presser)
