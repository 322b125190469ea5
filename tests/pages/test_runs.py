"""The table of runs, and what may be done with whose."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.compare import MEASURES, curves, differences, legend, titles
from pages.ui.runtable import rows, state_key
from vqcore.plots import clinic
from vqcore.plots.training import looks
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore, Summary

from .conftest import ADA, BOB

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


def ticked(at: AppTest, store: RunStore, *ids: str) -> AppTest:
    """The page with these runs ticked."""
    runs = store.list()
    lines = [entry.id for entry in runs]
    at.session_state[state_key(runs, "runs_table")] = {
        "selection": {"rows": [lines.index(run_id) for run_id in ids], "columns": [], "cells": []}
    }
    return at.run()


def test_no_runs_teaches_and_leads_on(page: Page) -> None:
    at = page("runs")
    assert "every run gets a line" in at.info[0].value
    assert at.button(key="empty_train")


def test_the_table_says_whose_and_how_well(page: Page, finished: Finished, store: RunStore) -> None:
    finished("Mine", cookie=ADA, nickname="Ada")
    finished("Theirs", cookie=BOB, nickname="Bob")
    finished("Terminal")
    at = page("runs")
    assert not at.exception and not at.error
    frame = at.dataframe[0].value
    assert dict(zip(frame["Run"], frame["Whose"], strict=True)) == {"Mine": "Ada (you)", "Theirs": "Bob", "Terminal": "command line"}
    assert set(frame["NMSE"]) == {0.25} and set(frame["Codes used"]) == {"5 of 8"} and set(frame["K"]) == {8}


def test_own_runs_may_be_changed_and_others_say_why_not(page: Page, finished: Finished, store: RunStore) -> None:
    mine = finished("Mine", cookie=ADA)
    theirs = finished("*Theirs*", cookie=BOB, nickname="Bob")
    at = ticked(page("runs"), store, mine.id)
    assert not at.exception
    assert not at.button(key="runs_rename").disabled and not at.button(key="runs_delete").disabled
    at = ticked(page("runs"), store, theirs.id)
    assert at.button(key="runs_rename").disabled and at.button(key="runs_delete").disabled
    assert not at.button(key="runs_open").disabled
    assert any("\\*Theirs\\* belongs to Bob" in caption.value for caption in at.caption)
    at = ticked(page("runs"), store, mine.id, theirs.id)
    assert not at.button(key="runs_delete").disabled, "one that is not mine does not keep mine"
    assert at.button(key="runs_delete").label == "Delete 1 of 2"


def test_opening_a_run_goes_to_it(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished("Theirs", cookie=BOB)
    at = ticked(page("runs"), store, folder.id)
    at.button(key="runs_open").click().run()
    assert not at.exception
    assert at.session_state["run_id"] == folder.id


def test_two_runs_are_compared(page: Page, finished: Finished, store: RunStore) -> None:
    small = finished("Small", cookie=ADA)
    large = finished("Large", **{"model.quantizer.K": 16})
    at = ticked(page("runs"), store, small.id, large.id)
    assert not at.exception and not at.error
    different = at.dataframe[1].value
    assert dict(zip(different["Setting"], different["Small"], strict=True))["Codes K"] == "8"
    assert dict(zip(different["Setting"], different["Large"], strict=True))["Codes K"] == "16"
    assert len(at.get("bidi_component")) == 2


def test_a_damaged_run_is_listed_and_explained(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished("Broken", cookie=ADA)
    (folder.path / "config.json").write_text('{"schema_version": 99}', encoding="utf-8")
    at = ticked(page("runs"), store, folder.id)
    assert not at.exception
    assert at.dataframe[0].value["State"][0] == "cannot be read"
    assert "newer" in at.warning[0].value
    assert at.button(key="runs_open").disabled and not at.button(key="runs_delete").disabled


def _delete(run_id: str, cookie: str) -> None:
    import streamlit as st

    from pages.ui import runactions, session

    st.session_state["guest"] = st.session_state.get("becomes", cookie)
    entry = next((entry for entry in session.store().list() if entry.id == run_id), None)
    if entry:
        runactions.delete([entry])


def test_deleting_is_asked_twice(finished: Finished, store: RunStore) -> None:
    folder = finished("Mine", cookie=ADA)
    at = AppTest.from_function(_delete, args=(folder.id, ADA), default_timeout=30).run()
    assert at.button(key="runs_delete_sure").disabled and folder.path.exists()
    at.checkbox(key="runs_sure").check().run()
    assert folder.path.exists()
    at.button(key="runs_delete_sure").click().run()
    assert not at.exception
    assert not folder.path.exists()


def _delete_all(cookie: str) -> None:
    import streamlit as st

    from pages.ui import runactions, session

    st.session_state["guest"] = cookie
    if entries := st.session_state.setdefault("entries", session.store().list()):
        runactions.delete(entries)


def test_what_can_be_deleted_is_and_the_rest_is_told(page: Page, finished: Finished, store: RunStore) -> None:
    mine = [finished(f"Mine {i}", cookie=ADA) for i in range(3)]
    theirs, works = finished("Theirs", cookie=BOB, nickname="Bob"), finished("Works", cookie=ADA)
    late = finished("Late", cookie=ADA)
    lease = acquire(works, "cli")  # its state is "starting" from now on
    at = ticked(page("runs"), store, *(folder.id for folder in (*mine, theirs, works, late)))
    assert at.button(key="runs_delete").label == "Delete 4 of 6" and not at.button(key="runs_delete").disabled
    at = ticked(page("runs"), store, theirs.id, works.id)
    assert at.button(key="runs_delete").disabled
    assert any("None of these can be deleted" in caption.value for caption in at.caption)

    at = AppTest.from_function(_delete_all, args=(ADA,), default_timeout=30).run()
    told = "\n".join(text.value for text in at.markdown)
    assert "these 4 runs" in told and "Theirs: belongs to Bob" in told and "Works: is at work: stop it first" in told
    at.checkbox(key="runs_sure").check().run()
    begun = acquire(late, "cli")  # between the question and the answer
    at.button(key="runs_delete_sure").click().run()
    assert not at.exception
    assert not any(folder.path.exists() for folder in mine)
    assert theirs.path.exists() and works.path.exists() and late.path.exists()
    assert "Deleted 3 of 4" in at.error[0].value and "Late" in at.error[0].value
    lease.release("stopped", "")
    begun.release("stopped", "")


def test_a_forged_click_deletes_nothing_of_others(finished: Finished) -> None:
    folder = finished("Theirs", cookie=BOB)
    at = AppTest.from_function(_delete, args=(folder.id, BOB), default_timeout=30).run()
    at.checkbox(key="runs_sure").check().run()
    at.session_state["becomes"] = ADA  # who sends the click of a button that was drawn for its owner
    at.button(key="runs_delete_sure").click().run()
    assert folder.path.exists()
    assert any("None of these can be deleted" in text.value for text in at.markdown)


def _rename(run_id: str, cookie: str) -> None:
    import streamlit as st

    from pages.ui import runactions, session

    st.session_state["guest"] = cookie
    runactions.rename(next(entry for entry in session.store().list() if entry.id == run_id))


@pytest.mark.parametrize(("cookie", "name", "after"), [(ADA, "Better", "Better"), (ADA, "   ", "Mine"), (BOB, "Stolen", "Mine")])
def test_renaming(finished: Finished, cookie: str, name: str, after: str) -> None:
    folder = finished("Mine", cookie=ADA)
    at = AppTest.from_function(_rename, args=(folder.id, cookie), default_timeout=30).run()
    at.text_input(key="runs_rename_name").input(name)
    at.button[0].click().run()
    assert not at.exception
    assert folder.about().name == after
    assert bool(at.error) == (after == "Mine")


def test_an_example_can_be_opened_only(page: Page, finished: Finished, store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished("Example", cookie=ADA)
    demo = store.root.parent / "demo"
    demo.mkdir()
    folder.path.rename(demo / folder.id)
    monkeypatch.setattr(session, "DEMO", demo)
    monkeypatch.setattr(session, "_stores", {})
    at = ticked(page("runs"), RunStore(store.root, extra=[demo]), folder.id)
    assert at.button(key="runs_delete").disabled and at.button(key="runs_rename").disabled
    assert any("comes with the program" in caption.value for caption in at.caption)


def test_runs_of_sweeps_are_shown_when_asked_for(page: Page, finished: Finished, store: RunStore) -> None:
    finished("Mine", cookie=ADA)
    assert not page("runs").toggle
    for i in range(2):
        store.create(finished().config(), name=f"K = {i}", sweep="20261123-104512-3f9a", owner=session.owner_hash(ADA))
    at = page("runs")
    shown = set(at.dataframe[0].value["Run"])
    assert "Mine" in shown and not any(name.startswith("K =") for name in shown)
    assert at.toggle(key="runs_table_sweeps").label == "Show the 2 runs of sweeps"
    at.toggle(key="runs_table_sweeps").set_value(True).run()
    assert not at.exception
    assert {"Mine", "K = 0", "K = 1"} <= set(at.dataframe[0].value["Run"])


def test_where_all_are_of_a_sweep_the_switch_is_still_there(page: Page, finished: Finished, store: RunStore) -> None:
    config = finished("Mine", cookie=ADA).config()
    store.create(config, name="K = 4", sweep="20261123-104512-3f9a")
    store.delete(next(entry.id for entry in store.list() if not entry.sweep))
    at = page("runs")
    assert not at.exception and not at.dataframe
    at.toggle(key="runs_table_sweeps").set_value(True).run()
    assert list(at.dataframe[0].value["Run"]) == ["K = 4"]


def test_rows_name_states_and_progress() -> None:
    def entry(**changes: object) -> Summary:
        values = dict(
            id="a", name="A", owner="", nickname="", preset="", state="running", data="rings", K=0, D=0, steps=200, step=50, figures=None,
            created="not a time", identity="", treated=True, read_only=False,
        )  # fmt: skip
        return Summary(**(values | changes))  # type: ignore[arg-type]

    drawn = rows([entry(), entry(state="finished", step=200, treated=False), entry(problem="torn")], "me")
    assert drawn["State"] == ["running, 25 %, treated", "finished", "cannot be read"]
    assert drawn["K"] == [None] * 3 and drawn["Begun"] == [None] * 3 and drawn["Data"][0] == "Rings (points)"
    # one clock for all zones: the column is sorted by it
    begun = rows([entry(created="2026-11-28T20:00:00+09:00"), entry(created="2026-11-28T12:30:00+01:00")], "me")["Begun"]
    assert begun[1] - begun[0] == timedelta(minutes=30)


def test_every_measure_gives_one_curve_a_run_with_a_name_of_its_own(finished: Finished) -> None:
    folders = [finished("Same"), finished("Same")]
    names = titles(folders)
    assert len(set(names)) == 2
    for measure in MEASURES:
        figure = curves(folders, measure)
        assert len(figure["data"]) == 2
        # the runs are models', which have no bits under a prior
        assert all(len(trace["x"]) == (0 if measure == "Bits per code" else 3) for trace in figure["data"])
        json.dumps(figure, allow_nan=False)


def test_a_run_of_a_pair_keeps_its_colours_and_the_legend_stands_outside_of_the_charts() -> None:
    pair = [RunFolder(session.DEMO / name) for name in ("20261123-151218-f634", "20261123-151218-4ae4")]
    for folders in (pair, pair[::-1]):
        colours = {folder.id: trace["line"]["color"] for folder, trace in zip(folders, curves(folders, "NMSE")["data"], strict=True)}
        for folder in folders:
            assert colours[folder.id] == (clinic.UNTREATED if folder.about().follower else clinic.TREATED)
    many = looks(["", clinic.TREATED, "", "", clinic.TREATED, "", "", "", ""])
    assert len(set(many)) == 9 and many[1][0] == many[4][0] == clinic.TREATED
    figure = curves(pair, "NMSE")
    assert figure["layout"]["showlegend"] is False
    shown = legend(pair)
    assert all(trace["line"]["color"] in shown and trace["name"] in shown for trace in figure["data"])


def test_names_in_the_legend_are_text(finished: Finished) -> None:
    assert "<b>" not in legend([finished("<b>A</b>"), finished("B")])


def test_differences_names_only_what_differs(finished: Finished) -> None:
    base = finished().config()
    assert differences([base, base]) == {}
    other = base.edited({"train.lr": 0.5, "data": {"kind": "photos"}, "model.downsampling": "vector"})
    found = differences([base, other])
    assert found["Learning rate"] == ["0.001", "0.5"] and found["Downsampling"] == ["4", "vector"]
    assert found["Patches"] == ["–", "4096"] and found["Data"] == ["digits", "photos"]
    assert "Codes K" not in found
