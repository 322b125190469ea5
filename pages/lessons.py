"""Lessons: a question, a prediction, an act on a real screen, a check of what was done, an explanation."""

from __future__ import annotations

from pages.ui import scroll
from pages.ui.lessons import chooser, view
from pages.ui.screens import header
from vqcore.lessons.loader import lessons

header("lessons")
every = lessons()
key = chooser.choose(every)
view.show(key, every[key])
chooser.onward(every, key)
chooser.table(every, key)
chooser.files()
scroll.to_top(f"lesson {key}")
