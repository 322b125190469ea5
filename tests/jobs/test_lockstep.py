"""Runs that step together: what each may do while another is slow, rests, or is gone."""

import queue
import random
import threading
import time

import pytest

from vqcore.control import Command
from vqcore.jobs.lockstep import LOOK_S, Lockstep


class Commands:
    """Commands as they are put in."""

    def __init__(self):
        self.queue = queue.SimpleQueue()

    def poll(self):
        return [self.queue.get() for _ in range(self.queue.qsize())]

    def wait(self, seconds):
        raise AssertionError("the control waits by itself")


class Walker:
    """Asks as the trainer does: `poll` before each step, `wait` while it pauses or is slowed down."""

    def __init__(self, control, at=0, goal=40, gap=0.0, effort=lambda: 0.0, watch=lambda: None):
        self.control, self.step, self.goal, self.gap, self.effort, self.watch = control, at, goal, gap, effort, watch
        self.commands, self.budget, self.ended, self.obeyed, self.told = Commands(), None, "", [], []
        self.paused_at = []
        control.enter(self.commands, at, self.told.append)
        self.thread = threading.Thread(target=self._walk, daemon=True)

    def _walk(self):
        while not self.ended and self.step < self.goal:
            self._obey(self.control.poll())
            due = time.monotonic() + self.gap
            while not self.ended and (self.budget == 0 or time.monotonic() < due):
                self._obey(self.control.wait(0.05 if self.budget == 0 else max(0.0, min(0.05, due - time.monotonic()))))
            if self.ended:
                break
            time.sleep(self.effort())
            self.step += 1
            self.watch()
            if self.budget is not None:
                self.budget -= 1
                if self.budget == 0:
                    self._pauses(True)
        self.ended = self.ended or "finished"
        self.control.leave()

    def _obey(self, commands):
        for command in commands:
            self.obeyed.append((command.kind, self.step))
            if command.kind in ("stop", "release"):
                self.ended = command.kind
            elif command.kind == "pause":
                self.budget = 0
                self._pauses(True)
            elif command.kind in ("resume", "step"):
                self.budget = None if command.kind == "resume" else command.steps
                self._pauses(False)

    def _pauses(self, paused):
        if paused:
            self.paused_at.append(self.step)
        self.control.pauses(paused)

    def say(self, *kinds, **more):
        for kind in kinds:
            self.commands.queue.put(Command(kind, **more))


class Several:
    """Some that are kept in step, and how far they were apart at worst."""

    def __init__(self, at=(0, 0), **how):
        self.apart = 0
        self.lockstep = Lockstep(len(at))
        self.walkers = [Walker(control, start, watch=self._watch, **how) for control, start in zip(self.lockstep.controls, at, strict=True)]
        self.together = False

    def _watch(self):
        steps = [walker.step for walker in self.walkers]
        apart = max(steps) - min(steps)
        # from the checkpoints they were resumed from they may have to catch up
        self.together |= apart <= 1
        if self.together and not any(walker.ended for walker in self.walkers):
            self.apart = max(self.apart, apart)

    def go(self):
        for walker in self.walkers:
            walker.thread.start()
        return self.walkers

    def end(self, seconds=20):
        for walker in self.walkers:
            walker.thread.join(seconds)
            assert not walker.thread.is_alive()
        assert self.apart <= 1
        return [walker.step for walker in self.walkers]


def until(what, seconds=10):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def still(walkers):
    before = [walker.step for walker in walkers]
    time.sleep(6 * LOOK_S)
    return [walker.step for walker in walkers] == before


def test_neither_is_ever_more_than_one_step_ahead():
    rng = random.Random(0)
    two = Several(goal=60, effort=lambda: rng.choice((0.0, 0.0, 0.004)))
    two.go()
    assert two.end() == [60, 60] and two.apart == 1


def test_of_three_none_is_ever_more_than_one_step_ahead():
    rng = random.Random(1)
    three = Several(at=(0, 0, 0), goal=60, effort=lambda: rng.choice((0.0, 0.0, 0.004)))
    three.go()
    assert three.end() == [60, 60, 60] and three.apart == 1


def test_three_pause_at_the_same_step_go_on_when_all_may_and_hold_nobody_when_gone():
    three = Several(at=(0, 7, 3), goal=300, effort=lambda: 0.0005)
    walkers = three.go()
    until(lambda: three.together and walkers[0].step > 10)
    for turn in range(4):
        order = random.Random(turn).sample(walkers, 3)
        at = order[0].step
        until(lambda at=at, last=order[0]: last.step > at + 3)
        for walker in order:
            walker.say("pause")
            time.sleep(random.Random(at).uniform(0, 0.005))
        until(lambda turn=turn: all(len(walker.paused_at) == turn + 1 and walker.budget == 0 for walker in walkers))
        assert len({walker.paused_at[-1] for walker in walkers}) == 1 and still(walkers)
        for walker in order[:2]:
            walker.say("resume")
        assert still(walkers), "the third has to go on as well"
        order[2].say("resume")
    walkers[1].say("stop")
    walkers[1].thread.join(5)
    assert walkers[1].ended == "stop" and walkers[1].step < 300
    assert [walkers[i].thread.join(20) or walkers[i].step for i in (0, 2)] == [300, 300]


def test_one_that_was_behind_catches_up_while_the_other_waits():
    two = Several(at=(30, 4), goal=45)
    a, b = two.walkers
    seen = []
    b.watch = lambda: seen.append((a.step, b.step))
    two.go()
    assert two.end() == [45, 45]
    assert {leader for leader, follower in seen if follower < 29} == {30}


def test_a_pause_of_one_holds_the_other_at_the_same_step():
    two = Several(goal=10_000, effort=lambda: 0.001)
    a, b = two.go()
    until(lambda: a.step > 5)
    a.say("pause")
    until(lambda: a.paused_at and b.step == a.step)
    assert still((a, b)) and b.paused_at == []
    a.say("resume")
    until(lambda: b.step > a.paused_at[0] + 5)
    a.say("stop"), b.say("stop")
    two.end()


@pytest.mark.parametrize("gap", [0.0, 0.03])
def test_both_pause_at_the_same_step_and_go_on_together(gap):
    two = Several(goal=10_000, gap=gap)
    a, b = two.go()
    for _ in range(5):
        at = a.step
        until(lambda at=at: a.step > at + 3)
        a.say("pause")
        time.sleep(random.Random(at).uniform(0, 0.01))
        b.say("pause")
        until(lambda: len(a.paused_at) == len(b.paused_at) and a.budget == b.budget == 0)
        assert a.paused_at[-1] == b.paused_at[-1] and still((a, b))
        # whoever is told first: it waits for the other
        first, second = (a, b) if at % 2 else (b, a)
        first.say("resume")
        time.sleep(0.03)
        assert first.step == first.paused_at[-1]
        second.say("resume")
    until(lambda: a.step > a.paused_at[-1] + 3)
    a.say("stop"), b.say("stop")
    two.end()


def test_single_steps_are_taken_by_both():
    two = Several(goal=10_000)
    a, b = two.go()
    a.say("pause"), b.say("pause")
    until(lambda: a.paused_at and b.paused_at)
    at = a.step
    for steps in (1, 3):
        a.say("step", steps=steps), b.say("step", steps=steps)
        at += steps
        until(lambda at=at: (a.paused_at[-1], b.paused_at[-1]) == (at, at))
        assert still((a, b))
    # one alone has to wait
    a.say("step", steps=2)
    assert still((a, b))
    b.say("resume")
    until(lambda: a.paused_at[-1] == at + 2 == b.step)
    assert still((a, b))
    a.say("stop"), b.say("stop")
    two.end()


def test_a_treatment_of_a_paused_run_is_obeyed_at_once():
    two = Several(goal=10_000)
    a, b = two.go()
    a.say("pause"), b.say("pause")
    until(lambda: a.paused_at and b.paused_at)
    b.say("treat")
    b.say("resume")
    until(lambda: "treat" in dict(b.obeyed))
    assert "resume" not in dict(b.obeyed) and still((a, b))
    a.say("resume")
    until(lambda: "resume" in dict(b.obeyed))
    at = b.step
    b.say("revive")
    until(lambda: dict(b.obeyed).get("revive", 0) >= at)
    a.say("stop"), b.say("stop")
    two.end()


def test_what_waits_hears_a_stop_and_the_other_goes_on_alone():
    two = Several(goal=200)
    a, b = two.go()
    a.say("pause")
    until(lambda: a.paused_at)
    until(lambda: b.step == a.step)
    b.say("treat")  # would bring a step with it
    assert still((a, b)) and b.obeyed == []
    b.say("stop")
    b.thread.join(5)
    assert b.ended == "stop" and [kind for kind, _ in b.obeyed] == ["treat", "stop"]
    a.say("resume")
    a.thread.join(10)
    assert a.ended == "finished" and a.step == 200


def test_nobody_begins_before_the_other_is_there():
    lockstep = Lockstep()
    first = Walker(lockstep.controls[0], goal=5)
    first.thread.start()
    time.sleep(0.05)
    assert first.step == 0 and first.thread.is_alive()
    second = Walker(lockstep.controls[1], goal=5)
    second.thread.start()
    first.thread.join(5), second.thread.join(5)
    assert (first.step, second.step) == (5, 5)


def test_one_that_never_comes_or_fails_holds_nobody():
    lockstep = Lockstep()
    first = Walker(lockstep.controls[0], goal=5)
    first.thread.start()
    lockstep.controls[1].leave()
    first.thread.join(5)
    assert first.step == 5 and first.ended == "finished"


def test_the_slot_is_left_by_both_or_by_none():
    two = Several(goal=10_000)
    a, b = two.go()
    until(lambda: b.step > 3)
    assert not two.lockstep.idle()
    a.say("pause")
    until(two.lockstep.idle)
    a.say("release")  # said to the one that pauses
    assert two.end() and (a.ended, b.ended) == ("release", "release")
    assert a.step == b.step


def test_a_long_wait_is_told_and_taken_back():
    two = Several(goal=10_000)
    a, b = two.go()
    a.say("pause")
    until(lambda: b.told == [True])
    a.say("resume")
    until(lambda: b.told == [True, False])
    assert a.told == []  # who pauses knows why it stands
    a.say("stop"), b.say("stop")
    two.end()
