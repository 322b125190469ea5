"""What the command line shows while it trains."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from vqcore.cli.progress import Bar, Lines, describe, open_display
from vqcore.config.presets import PRESETS
from vqcore.records import BookEvaluation, BookStep, Evaluation, Event, Step
from vqcore.shape import Book


def step(number: int, elapsed: float = 1.0, **changes: Any) -> Step:
    book = BookStep("codes", 20.0, used_epoch=31, used_ever=32, dead=1, ema_alive=31, e_norm=1.0)
    fields = {"epoch": 1.0, "images": 64 * number, "images_per_s": 1234.5, "lr": 1e-3, "loss": 0.25, "terms": {}, "z_norm": 1.0}
    return Step(**{"step": number, "elapsed": elapsed, "books": (book,), **fields, **changes})


def shown(display_type: type[Lines], *, terminal: bool) -> tuple[Lines, io.StringIO]:
    text = io.StringIO()
    return display_type(PRESETS["digits"].config, Console(file=text, force_terminal=terminal, width=120, soft_wrap=True)), text


def test_piped_output_is_lines_and_a_terminal_gets_a_bar() -> None:
    config = PRESETS["digits"].config
    with open_display(config, Console(file=io.StringIO(), force_terminal=False)) as display:
        assert type(display) is Lines
    with open_display(config, Console(file=io.StringIO(), force_terminal=True)) as display:
        assert isinstance(display, Bar)


def test_lines_come_now_and_then_not_at_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    display, text = shown(Lines, terminal=False)
    for number in range(1, 101):
        display.show(step(number, elapsed=number / 10))
    assert text.getvalue().count("\n") == 1
    display.summary("finished")
    last = text.getvalue().splitlines()[-1]
    assert "step 100/1,500" in last
    assert "140 s left" in last


def test_lines_tell_events_and_the_last_evaluation() -> None:
    display, text = shown(Lines, terminal=False)
    display.getting_ready("Downloading a: 1 of 11 MB.")
    display.getting_ready("Downloading a: 2 of 11 MB.")
    display.show(Event(5, "treated", "train.steps = 3000", data={"changes": {"train.steps": 3000}}))
    display.show(step(6))
    book = BookEvaluation("codes", K=32, used=30, perplexity=25.0, entropy_bits=4.6, vectors=1000, indices_per_image=16, capacity_bits=80.0)
    display.show(Evaluation(6, 360, True, 0.2, {}, 0.01, 0.0512, 0.5, 20.0, (book,)))
    display.summary("stopped")
    assert text.getvalue().count("Downloading") == 1
    for part in ("train.steps = 3000", "step 6/3,000", "stopped · validation NMSE 0.0512", "30 of 32 codes used"):
        assert part in text.getvalue()


def test_the_bar_shows_figures_and_leaves_the_terminal_whole() -> None:
    display, text = shown(Bar, terminal=True)
    display.show(step(700))
    display.show(step(750, elapsed=2.0))
    display.close()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.getvalue())
    for part in ("750/1500", "loss 0.2500", "31 of 32 codes", "images/s"):
        assert part in plain
    assert text.getvalue().count("\x1b[?25l") == text.getvalue().count("\x1b[?25h")  # the cursor is back


def test_figures_of_models_with_several_books_and_with_none() -> None:
    one = step(1).books[0]
    assert "31 + 31 of 2 × 32 codes" in describe(step(1, books=(one, one)), (Book("a", 32, 4), Book("b", 32, 4)))
    assert "codes" not in describe(step(1, books=()), ())
