"""The line is fair, and keeps everyone's place."""

from hypothesis import given
from hypothesis import strategies as st

from vqcore.jobs.engine import Engine
from vqcore.jobs.queue import Line, ahead
from vqcore.runs.store import RunStore


def served(line, slots=1):
    """The order in which runs get a place, when each ends before the next begins."""
    order = []
    while line.order():
        run = line.order()[0]
        placed = line.place(run.run_id)
        order.append(run.run_id)
        assert line.give_up(placed) and not line.give_up(placed)
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
        placed = line.place(run.run_id)
        order.append(run.run_id)
        line.give_up(placed)
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
    line.give_up(placed)
    line.put_back(placed.run, tried=True)
    assert line.counts() == (0, 2)
    first = line.order()[0]
    assert (first.run_id, first.since, first.tries) == ("a", 3, 1)


def test_who_has_left_gets_no_place():
    line = Line()
    line.join("a", "a", 0)
    line.leave("a")
    line.leave("a")
    assert line.place("a") is None and line.placed() == []


def test_a_pair_takes_one_place_and_a_part_that_ended_can_join_anew():
    line = Line()
    line.join("leader", "a", 0)
    line.join("follower", "a", 0)  # resumed by itself before its leader was
    placed = line.place("leader", {"leader": 0, "follower": 4})
    assert line.counts() == (1, 0) and line.with_place() == {"leader", "follower"}
    line.join("follower", "a", 0, attempt=4)  # it has not begun
    assert line.counts() == (1, 0)
    line.join("follower", "a", 7, attempt=5)
    assert line.counts() == (1, 1) and line.with_place() == {"leader"} == set(placed.attempts)
    again = line.place("follower", {"follower": 5})
    assert line.give_up(placed) and line.with_place() == {"follower"} and again.run.since == 7


def test_a_sweep_lets_its_owners_other_runs_go_first():
    line = Line()
    for i in range(3):
        line.join(f"sweep{i}", "a", 0, patient=True)
    line.join("b1", "b", 0)
    line.join("mine", "a", 0)
    line.join("b2", "b", 0)
    line.join("mine too", "a", 0)
    assert served(line) == ["mine", "b1", "mine too", "b2", "sweep0", "sweep1", "sweep2"]


def test_the_engine_knows_runs_of_sweeps_as_patient(tmp_path, tools):
    store = RunStore(tmp_path)
    engine = Engine(store)
    swept = [store.create(tools.config(), name="swept", owner="a", sweep="20261123-104512-3f9a") for _ in range(2)]
    mine = tools.create(store, tools.config(), owner="a")
    for run in (*swept, mine):
        engine.submit(run.id)
    assert [run.run_id for run in engine._line.order()] == [mine.id, *(run.id for run in swept)]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=16))
def test_patience_is_nothing_to_other_owners(joins):
    """Whose turn it is does not depend on which of their runs are patient."""
    lines = {}
    for patience in (False, True):
        lines[patience] = Line()
        for i, (owner, patient) in enumerate(joins):
            lines[patience].join(f"{owner}{i}", owner, 0, patient=patient and patience)
    orders = {patience: served(line) for patience, line in lines.items()}
    assert [run_id[0] for run_id in orders[True]] == [run_id[0] for run_id in orders[False]]
    patient = {f"{owner}{i}": patient for i, (owner, patient) in enumerate(joins)}
    for owner in "ab":
        mine = [patient[run_id] for run_id in orders[True] if run_id[0] == owner]
        assert mine == sorted(mine)


def test_words_for_a_place_in_line():
    assert "next" in ahead(0) and "1 run before" in ahead(1) and "2 runs before" in ahead(2)
