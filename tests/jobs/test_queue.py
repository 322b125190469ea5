"""The line is fair, and keeps everyone's place."""

from hypothesis import given
from hypothesis import strategies as st

from vqcore.jobs.queue import Line, ahead


def served(line, slots=1):
    """The order in which runs get a place, when each ends before the next begins."""
    order = []
    while line.order():
        run = line.order()[0]
        assert line.place(run.run_id) is not None
        order.append(run.run_id)
        line.give_up(run.run_id)
    return order


def test_owners_take_turns():
    line = Line()
    for run_id in ("a1", "a2", "a3", "b1", "b2", "c1"):
        line.join(run_id, run_id[0], 0)
    assert served(line) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_runs_without_an_owner_are_first_come_first_served():
    line = Line()
    for run_id in ("x", "y", "z"):
        line.join(run_id, "", 0)
    assert served(line) == ["x", "y", "z"]


def test_one_who_comes_again_and_again_does_not_hold_up_another():
    line = Line()
    for run_id in ("a1", "a2", "a3"):
        line.join(run_id, "a", 0)
    order = []
    for i in range(6):
        line.join(f"b{i}", "b", 0)
        run = line.order()[0]
        line.place(run.run_id)
        order.append(run.run_id)
        line.give_up(run.run_id)
    assert {"a1", "a2", "a3"} <= set(order)


@given(st.lists(st.sampled_from("abcd"), max_size=20))
def test_nobodys_next_run_starts_before_anothers_earlier_one(owners):
    line = Line()
    rounds = {}
    for i, owner in enumerate(owners):
        line.join(f"{owner}{i}", owner, 0)
        rounds[f"{owner}{i}"] = owners[:i].count(owner)
    order = [rounds[run_id] for run_id in served(line)]
    assert order == sorted(order) and len(order) == len(owners)


def test_a_run_is_in_line_once_and_keeps_its_place_when_put_back():
    line = Line()
    line.join("a", "a", 3)
    line.join("a", "a", 9)
    line.join("b", "b", 0)
    placed = line.place("a")
    line.join("a", "a", 0)
    assert line.counts() == (1, 1)
    line.put_back(placed.run, tried=True)
    assert line.counts() == (0, 2)
    first = line.order()[0]
    assert (first.run_id, first.since, first.tries) == ("a", 3, 1)


def test_who_has_left_gets_no_place():
    line = Line()
    line.join("a", "a", 0)
    line.leave("a")
    line.leave("a")
    assert line.place("a") is None and line.give_up("a") is None


def test_words_for_a_place_in_line():
    assert "next" in ahead(0) and "1 run before" in ahead(1) and "2 runs before" in ahead(2)
