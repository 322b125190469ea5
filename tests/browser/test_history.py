"""Back, Forward and Escape, which people press without looking: what is shown agrees with the address, and the run stays open."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.ownruns import LETTERS, PRIOR
from tests.browser.screen import button, no_problems, run_id, settled, wait_for_points
from tests.browser.server import Server


def at(page: Page, title: str, run: str) -> None:
    """Wait until the screen of that title is shown, with that run in the address."""
    expect(page.locator("h1")).to_have_text(title)
    page.wait_for_url(f"**/{title.lower()}{f'?run={run}' if run else ''}")
    settled(page)
    no_problems(page)


def test_forward_undoes_back(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/train?run={LETTERS}")
    wait_for_points(page)
    button(page, "start_another").click()
    cards, curves = button(page, "start_letters"), page.locator(".st-key-train_line")
    expect(cards).to_be_visible()
    at(page, "Train", "")

    page.go_back()
    expect(curves).to_be_visible()
    at(page, "Train", LETTERS)
    page.go_forward()
    expect(cards).to_be_visible()
    expect(curves).to_have_count(0)
    at(page, "Train", "")


def test_escape_in_the_list_of_runs_leaves_the_run_open(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/train?run={LETTERS}")
    wait_for_points(page)
    field = page.locator(".st-key-frame_run")
    choice = field.get_by_role("combobox")
    for typed in ("", PRIOR[-4:]):  # pressed at once, and after something was typed to search for
        if typed:
            choice.fill(typed)
        else:
            field.get_by_role("button", name="Open", exact=True).click()
        expect(page.get_by_role("listbox")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("listbox")).to_have_count(0)
        page.keyboard.press("Escape")  # once more, in the field itself
        settled(page)
        expect(page.locator(".st-key-train_line")).to_contain_text("Letters")
        expect(choice).to_have_value("Letters · example")
        assert run_id(page) == LETTERS
    no_problems(page)
