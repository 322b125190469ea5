"""What is typed into a field for a number is what counts, or the field says why not and what uses it is off; on every screen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from pages.ui.session import COOKIE, owner_hash
from tests.browser.ownruns import LETTERS, PRIOR, OwnRuns
from tests.browser.screen import button, no_problems, run_id, settled
from tests.browser.server import Server
from vqcore.runs.folder import RunFolder

# all of them are read by one parser, which has tests of its own: each field is given each of these at night, and one in turn else
WRONG = ("abc", "", "-99999999", "9" * 20)  # no number, nothing, and out of every range that a field here has
COMMA = "0,005"
WORDS = ("start_name", "sweepform_title", "terms_search", "frame_run", "paint_keep", "runs_rename_name")  # fields for words, by key
FORMS = ("snap_new_",)  # sent as one: the button stays, and what it would begin does not begin
ALONE = ("codes_number", "invent_seed")  # nothing is started from them: they choose what is shown
READY = {  # what a screen shows once the engine has answered
    "snap": ".st-key-snap_step button:enabled",
    "museum": ".st-key-museum_train",
    "codes": ".st-key-codes_number input",
    "paint": ".st-key-paint_canvas .paint[data-decoded]",
    "invent": ".st-key-invent_ladder .rung .sheet",
    "priors": "[class*=st-key-priors_steps] input",
    "train": ".st-key-train_line",
    "collapse": ".st-key-collapse_line",
}
OPENERS = 'details:not([open]) > summary, [data-testid="stPopoverButton"], [role="tab"]'
TOKEN = "t" * 43

_KEY = """node => {
  for (let at = node; at; at = at.parentElement) for (const name of at.classList) if (name.startsWith("st-key-")) return name.slice(7);
  return "";
}"""


@pytest.fixture
def runs(context: BrowserContext, server: Server) -> Iterator[OwnRuns]:
    context.add_cookies([{"name": COOKIE, "value": TOKEN, "url": server.url}])
    made = OwnRuns(server.runs, owner_hash(TOKEN))
    yield made
    made.close()


def keys(page: Page) -> list[str]:
    """The fields for numbers that are shown and can be typed into. The browser's own number field is not used: it changes what is typed."""
    main = page.locator('[data-testid="stMain"], [data-testid="stPopoverBody"], [role="dialog"]')
    assert main.locator('[data-testid="stNumberInput"]').count() == 0
    fields = main.locator('[data-testid="stTextInput"] input:visible:enabled')
    found = [str(fields.nth(index).evaluate(_KEY)) for index in range(fields.count())]
    return [key for key in dict.fromkeys(found) if key and not key.startswith(WORDS)]


def enabled(page: Page) -> set[str]:
    """The keys of the buttons that can be pressed."""
    buttons = page.locator('[data-testid="stMain"] button, [data-testid="stPopoverBody"] button')
    return set(buttons.evaluate_all(f"nodes => nodes.filter(node => !node.disabled && node.checkVisibility()).map({_KEY})")) - {""}


def enter(page: Page, field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")
    settled(page)
    expect(field).to_have_value(text)


def says_why(field: Locator) -> Locator:
    """The sentence under a field that says what to type."""
    return field.locator("xpath=ancestor::*[@data-testid='stVerticalBlock'][1]").get_by_text("Type ", exact=False)


def typed_into(page: Page, key: str, wrong: tuple[str, ...]) -> None:
    """What people type goes into the field of that key, which then is as it was."""
    settled(page)
    field = page.locator(f".st-key-{key} input:visible").first
    good, before = field.input_value(), enabled(page)
    for text in wrong:
        enter(page, field, text)
        if text == "" and (not good or key in ALONE):
            continue  # an optional field
        expect(says_why(field).first, f"{key} takes {text!r} without a word").to_be_visible()
        settled(page)  # the buttons come after the fields
        if key not in ALONE and not key.startswith(FORMS):
            assert before - enabled(page), f"{key}: with {text!r} in it, everything can still be pressed"
    enter(page, field, COMMA)
    if key.startswith(FORMS):
        field.fill(good)
        field.press("Enter")  # sends the form
        settled(page)
        if page.locator(f".st-key-{key}").count():
            button(page, "snap_anew").click()
        expect(page.locator(f".st-key-{key}")).to_have_count(0)  # what it began has a form of its own
        settled(page)
        no_problems(page)
        return
    if says_why(field).count() == 0:  # a decimal comma
        assert before <= enabled(page)
    enter(page, field, good)
    expect(says_why(field)).to_have_count(0)
    no_problems(page)


def all_fields(page: Page, *, whole: bool) -> list[str]:
    """Type into every field of the screen, also of what can be opened; the keys of the fields. All that is wrong, or one of it in turn."""
    done: list[str] = []

    def those_shown() -> None:
        for key in keys(page):
            name = key.rstrip("0123456789") if key.startswith(FORMS) else key
            if name not in done:
                done.append(name)
                typed_into(page, key, WRONG if whole else (WRONG[(len(done) - 1) % len(WRONG)],))

    those_shown()
    openers = page.locator('[data-testid="stMain"]').locator(OPENERS)
    opened: set[str] = set()
    while left := [(index, name) for index, name in enumerate(openers.all_inner_texts()) if name not in opened]:
        index, name = left[0]  # what has been opened is no longer among them
        opened.add(name)
        opener = openers.nth(index)
        if not (opener.is_visible() and opener.is_enabled()):
            continue
        opener.click()
        settled(page)
        those_shown()
        page.keyboard.press("Escape")
        settled(page)
    return done


WHOLE = pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.nightly)])


@WHOLE
@pytest.mark.parametrize(
    ("screen", "at_least"),
    [
        *[(screen, 1) for screen in ("museum", "codes", "invent", "priors", "train", "collapse", "snap")],
        ("paint", 2),
    ],
)
def test_the_number_fields_of_a_screen(page: Page, server: Server, runs: OwnRuns, screen: str, at_least: int, whole: bool) -> None:
    if screen == "train":
        query = f"?run={runs.make('paused').id}"
    elif screen == "collapse":
        query = f"?run={runs.pair('paused').id}"
    else:
        query = "" if screen in ("snap", "museum") else f"?run={PRIOR if screen == 'invent' else LETTERS}"
    page.goto(f"{server.url}/{screen}{query}")
    settled(page)
    expect(page.locator(READY[screen]).first).to_be_visible()
    settled(page)
    fields = all_fields(page, whole=whole)
    assert len(fields) >= at_least, fields


@WHOLE
def test_the_fields_of_ones_own_run_and_what_is_then_trained(page: Page, server: Server, runs: OwnRuns, whole: bool) -> None:
    page.goto(f"{server.url}/train")
    settled(page)
    page.locator(".st-key-start_own label").first.click()
    expect(page.get_by_label("Codes K", exact=True)).to_be_visible()
    settled(page)
    fields = all_fields(page, whole=whole)
    assert len(fields) >= 4, fields
    enter(page, page.get_by_label("Codes K", exact=True), "17")
    before = {path.name for path in server.runs.glob("*")}
    button(page, "start_custom").click()
    page.wait_for_url("**/train?run=*")
    assert RunFolder(server.runs / run_id(page)).config().model.quantizer.K == 17
    runs.stop_all(before)


@WHOLE
def test_the_fields_of_a_sweep(page: Page, server: Server, whole: bool) -> None:
    page.goto(f"{server.url}/collapse")
    settled(page)
    page.get_by_text("Sweeps", exact=True).first.click()
    page.locator(".st-key-sweeps_new label").first.click()
    expect(button(page, "sweepform_start")).to_be_enabled()
    assert len(all_fields(page, whole=whole)) >= 2
