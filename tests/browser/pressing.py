"""Press everything on a page that can be pressed, and see whether a person would notice.

A press counts when something visible has changed and stays changed once the server has answered: text, a picture, a chosen option,
what opened. An address that changes while the page stays is no change. What ticks by itself is left out of the comparison.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, ElementHandle, Page
from playwright.sync_api import Error as BrowserError

from tests.browser.screen import settled

SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
PATIENCE_S = float(os.environ.get("VQ_PRESS_PATIENCE", "10"))  # for a change while the server is silent: cores may be busy
SLOW_S = 3.0  # a person who sees nothing for longer presses again
ANSWER_S = 60.0  # for its answer: two busy cores need patience
PROBLEMS = '[data-testid="stException"], .vq-chart-problem:visible'
TRIES, POINT_MS = 3, 5_000
TRANSIENT = ("dialog", "popover")
CHOICES = ("radio", "option")  # one control with several places
NUMBERED = "lessons_shown"  # each number leads to another lesson
_QUIET = "() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning' && vqAsked.sent <= vqAsked.ended"


@dataclass(frozen=True, slots=True)
class Control:
    """Something to press. `nth` tells apart those that are alike in all else; `look` is its class in a component of the house."""

    region: str
    role: str
    key: str
    name: str
    look: str
    off: bool
    chosen: bool
    href: str
    nth: int

    @property
    def identity(self) -> tuple[str, str, str, int]:
        return self.role, self.key, self.name, self.nth

    def families(self, *, parted: bool) -> tuple[tuple[str, ...], ...]:
        """Groups of look-alikes that it belongs to: tiles of a grid, "Open" on each card; the options of a choice, unless `parted`."""
        key = re.sub(r"\d+", "#", self.key)
        numbered = self.key == NUMBERED
        name = self.name if numbered else re.sub(r"\d+", "#", self.name)  # "Image 7 of 64"
        alike = (self.role, key, self.look, "" if self.look else name), (self.role, "named", name or key)
        return alike if parted or numbered or self.role not in CHOICES else ((self.role, key), *alike)

    def __str__(self) -> str:
        return f"{self.role} “{self.name or '–'}”" + (f" [{self.key}]" if self.key else "") + (f" #{self.nth}" if self.nth else "")


@dataclass(frozen=True, slots=True)
class Allowed:
    """A control that may do nothing, or that is not pressed, and why. `key` and `name` are patterns; "" fits all."""

    key: str
    name: str
    reason: str

    def fits(self, control: Control) -> bool:
        return bool(re.search(self.key, control.key)) and bool(re.search(self.name, control.name))


@dataclass
class Report:
    """What was pressed where, what it changed, and what was wrong with it."""

    pressed: list[tuple[str, Control, str]] = field(default_factory=list)
    passed_over: list[tuple[str, Control, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    slow: list[tuple[float, str]] = field(default_factory=list)  # no fault: the machine may be busy
    file: Path | None = None  # each line as it comes

    def note(self, line: str) -> None:
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as out:
                out.write(line + "\n")

    def text(self) -> str:
        counts = Counter(place for place, _, _ in self.pressed)
        lines = [f"{len(self.pressed)} presses: " + ", ".join(f"{place} {count}" for place, count in counts.items())]
        lines += [f"  {place}: {control} → {change}" for place, control, change in self.pressed]
        lines += [f"{len(self.passed_over)} passed over:"]
        lines += [f"  {place}: {control}: {reason}" for place, control, reason in self.passed_over]
        lines += [f"{len(self.slow)} showed nothing for more than {SLOW_S:g} s:"]
        lines += [f"  {seconds:.1f} s: {what}" for seconds, what in sorted(self.slow, reverse=True)]
        lines += [f"{len(self.faults)} faults:", *(f"  {fault}" for fault in self.faults)]
        return "\n".join(lines)


class Presser:
    """Presses controls of one browser page and keeps the report."""

    def __init__(self, page: Page, allowed: Sequence[Allowed], report: Report, *, alike: int = 3) -> None:
        self.page, self.allowed, self.report, self.alike = page, allowed, report, alike
        self.known: set[tuple[str, str, str, int]] = set()
        self.families: Counter[tuple[str, ...]] = Counter()
        self._opened: list[str] = []
        self._errors: list[str] = []
        page.on("download", lambda _: self._opened.append("a download"))
        page.on("filechooser", lambda _: self._opened.append("a choice of files"))
        page.on("popup", self._popup)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._errors.append(f"exception: {error}"))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"console: {message.text[:200]}")

    def _popup(self, popup: Page) -> None:
        self._opened.append("a new tab")
        popup.close()

    def goto(self, url: str) -> None:
        """Open the address, and wait for its components as well: what they draw late would count as what a press has changed."""
        self.page.goto(url)
        self._steady()

    def rest(self) -> None:
        settled(self.page)
        self.page.evaluate(SCRIPT)

    def controls(self) -> list[Control]:
        return [Control(**facts) for facts in self.page.evaluate("() => vqPress.controls()")]

    def _find(self, control: Control) -> ElementHandle | None:
        facts = {"region": control.region, "role": control.role, "key": control.key, "name": control.name, "nth": control.nth}
        return self.page.evaluate_handle("facts => vqPress.find(facts)", facts).as_element()

    def _look(self, live: bool, pressed: ElementHandle | None) -> dict[str, Any]:
        return dict(self.page.evaluate("([live, pressed]) => vqPress.look([live, pressed])", [live, pressed]))

    def next(self, regions: Iterable[str]) -> Control | None:
        """The next control to press: what an earlier press opened first. What is off, chosen, or like many others is passed over."""
        controls = [control for control in self.controls() if control.region in (*TRANSIENT, *regions)]
        for region in TRANSIENT:
            if inner := [control for control in controls if control.region == region]:
                inner.sort(key=lambda control: control.name == "Close")  # what it closes is pressed first
                controls = inner if region == "dialog" else inner + [control for control in controls if control.region != region]
                break
        controls.sort(key=lambda control: control.name == "Collapse sidebar")  # and what it hides
        for control in controls:
            if control.off or control.chosen or control.identity in self.known:
                continue
            self.known.add(control.identity)
            if reason := self._why_not(control):
                self.report.passed_over.append((self.place, control, reason))
                continue
            families = set(control.families(parted=self.alike > 1))
            if any(self.families[family] >= self.alike for family in families):
                continue
            self.families.update(families)
            return control
        return None

    place = ""  # screen and state, for the report

    def _why_not(self, control: Control) -> str:
        if control.href.startswith(("http://", "https://", "mailto:")) and urlsplit(control.href).netloc != urlsplit(self.page.url).netloc:
            return "leads to another site"
        return next((entry.reason for entry in self.allowed if entry.fits(control)), "")

    def press(self, control: Control, *, live: bool = False) -> str:
        """Press it; what changed, in words, "" for nothing. Faults go into the report."""
        place = f"{self.place}: {control}"
        self._opened.clear()
        self._errors.clear()
        for left in range(TRIES, 0, -1):
            handle = self._find(control)
            if handle is None:  # an earlier press has put it away
                return "gone"
            try:
                self.page.evaluate("() => vqPress.calm()")
                handle.hover(timeout=POINT_MS)  # what pointing at it shows is not what pressing it does
                before = self._settled_look(live, handle)
                handle.click(timeout=POINT_MS)
                break
            except BrowserError as error:  # a live screen may have drawn it anew
                if left == 1:
                    self._fault(f"{place} cannot be pressed: {str(error).splitlines()[0][:160]}")
                    return "not pressed"
        pressed = time.monotonic()
        change, after, seen = self._wait(before, live, handle)
        if change and seen - pressed > SLOW_S:
            self.report.slow.append((seen - pressed, place))
        self.report.pressed.append((self.place, control, change or "NOTHING"))
        self.report.note(f"{self.place}: {control} → {change or 'NOTHING'}")
        if not change:
            address = f" (the address went from {before['url']} to {after['url']})" if after["url"] != before["url"] else ""
            self._fault(f"{place}: nothing that a person sees has changed{address}")
        for text in self.page.locator(PROBLEMS).all_inner_texts():
            self._fault(f"{place}: an error on the page: {text[:200]}")
        for message in self._errors:
            self._fault(f"{place}: {message}")
        return change

    def _fault(self, text: str) -> None:
        self.report.faults.append(text)
        self.report.note(f"FAULT {text}")

    def _settled_look(self, live: bool, handle: ElementHandle | None) -> dict[str, Any]:
        """The page, once two looks in a row are the same."""
        deadline = time.monotonic() + PATIENCE_S
        look = self._look(live, handle)
        while time.monotonic() < deadline:
            self._frames()
            again = self._look(live, handle)
            if again["lines"] == look["lines"] and self._quiet():
                return again
            look = again
        return look

    def _wait(self, before: dict[str, Any], live: bool, handle: ElementHandle) -> tuple[str, dict[str, Any], float]:
        """What changed, the page afterwards, and when a change was first seen.

        What changes while the server is at work may go again: it counts for the time alone. No change, "", is said once the page has
        been at rest, the server silent, for PATIENCE_S.
        """
        given_up = time.monotonic() + ANSWER_S
        silent = time.monotonic()
        first: float | None = None
        after = before
        while time.monotonic() < min(given_up, silent + PATIENCE_S):
            self._frames()
            if self._opened:
                return self._opened[0], after, first or time.monotonic()
            quiet = self._quiet()
            if not quiet:
                silent = time.monotonic()
                if first is not None:
                    continue
            try:
                look = self._look(live, handle)
            except BrowserError:  # the page is being left
                self.rest()
                continue
            change = _difference(before, look)
            if change and first is None:
                first = time.monotonic()
            if quiet:
                after = look
                if change:
                    return change, after, first or silent
        return "", after, silent

    def _quiet(self) -> bool:
        try:
            return bool(self.page.evaluate(_QUIET))
        except BrowserError:
            return False

    def _frames(self) -> None:
        try:
            self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        except BrowserError:
            self.page.wait_for_load_state()

    def shown(self) -> tuple[str, str, frozenset[tuple[str, str]]]:
        """Where one is: address, title, and what can be pressed."""
        return (
            self.page.evaluate("() => location.pathname + location.search"),
            self.page.locator("h1").first.inner_text(),
            frozenset((control.role, control.key) for control in self.controls() if control.region == "main"),
        )

    def back(self, control: Control, before: tuple[str, str, frozenset[tuple[str, str]]], *, ticked: bool = False) -> bool:
        """Go back in the browser; whether one is where one was. `ticked`: ticks are not kept, so that the screen alone counts."""
        self.page.go_back()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.rest()
            now = self.shown()
            common, either = len(now[2] & before[2]), len(now[2] | before[2])
            if (_page(now[0]), now[1]) == (_page(before[0]), before[1]) and common >= 0.7 * either:
                return True
            if ticked and now[1] == before[1]:
                return True
            if time.monotonic() > deadline:
                self._fault(
                    f"{self.place}: {control}: Back does not return: at {now[0]} “{now[1]}” instead of {before[0]} “{before[1]}”, "
                    f"{common} of {either} controls are the same; not both times: {sorted(key for _, key in now[2] ^ before[2])[:8]}"
                )
                return False
            self._frames()

    def close(self) -> None:
        """Close what a press opened over the page."""
        for _ in range(3):
            if not any(control.region in TRANSIENT for control in self.controls()):
                return
            self.page.keyboard.press("Escape")
            self.rest()

    def everything(
        self, place: str, address: Callable[[], str], *, regions: Sequence[str] = ("main",), live: bool = False, most: int = 200
    ) -> None:
        """Press each control once, on one page load as far as that goes: back after each press that led elsewhere."""
        self.place = place
        self.goto(address())
        for _ in range(most):
            control = self.next(regions)
            if control is None:
                if not any(control.region in TRANSIENT for control in self.controls()):
                    return
                self.close()
                if any(control.region in TRANSIENT for control in self.controls()):
                    self.goto(address())
                continue
            before = self.shown()
            self.press(control, live=live)
            self.rest()
            if _page(self.shown()[0]) != _page(before[0]) and not self.back(control, before):
                self.goto(address())

    def _steady(self) -> None:
        """Rest until what can be pressed stays the same for ten frames: what a press opens is drawn a moment after the answer."""
        deadline = time.monotonic() + PATIENCE_S
        before: list[Control] | None = None
        while time.monotonic() < deadline:
            self.rest()
            now = self.controls()
            if now == before:
                return
            before = now
            for _ in range(5):
                self._frames()

    def from_fresh(
        self,
        place: str,
        address: Callable[[], str],
        *,
        regions: Sequence[str] = ("main",),
        live: bool = False,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """Press each control from a page that has just been opened and made `ready`, and after each one what it opened over the page."""
        self.place = place
        self.goto(address())
        if ready:
            ready()
        while (control := self.next(regions)) is not None:
            before = self.shown()
            self.press(control, live=live)
            self._steady()
            while (inner := self.next(())) is not None:
                self.press(inner, live=live)
                self.rest()
            self.close()
            if _page(self.shown()[0]) != _page(before[0]):
                self.back(control, before, ticked=ready is not None)
            self.goto(address())
            if ready:
                ready()


def _page(url: str) -> tuple[str, str]:
    """The screen and the run of an address: what else it carries is where one is on that screen."""
    parts = urlsplit(url)
    run = re.search(r"run=([^&]*)", parts.query)
    return parts.path, run.group(1) if run else ""


def _difference(before: dict[str, Any], after: dict[str, Any]) -> str:
    if before["title"] != after["title"]:
        return f"the screen {after['title']}"
    if before["lines"] != after["lines"]:
        new = list((Counter(after["lines"]) - Counter(before["lines"])).elements())
        old = list((Counter(before["lines"]) - Counter(after["lines"])).elements())
        first = (new or old or ["another one is chosen"])[0]
        return f"{len(new)} new, {len(old)} gone: {first[:80]}"
    if after["focus"] and after["focus"] != before["focus"]:
        return f"focus on {after['focus']}"
    if abs(after["scroll"] - before["scroll"]) > 100:
        return f"scrolled to {after['scroll']}"
    return ""
