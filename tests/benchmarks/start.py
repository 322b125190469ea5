"""The tour's runs as the cards train them, seed by seed: when all codes are in use, and how the error falls.

    python -m tests.benchmarks.start

Times are the wall clock from the first record on, with everything that the trainer does: evaluations and pictures too, but neither the
start of a process nor the speed limit at which a card begins. `mean_picture` is the NMSE of drawing the mean training digit.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.common import options, report
from vqcore.config.run import RunConfig
from vqcore.config.tour import TOUR
from vqcore.control import Command
from vqcore.data.registry import load
from vqcore.records import Evaluation
from vqcore.training.trainer import Trainer

QUICK = {"train.steps": 20, "train.evaluate_every": 5}
QUICK_PAUSE = 10
RECOGNISED = 0.40  # NMSE: three quarters of what the mean picture leaves


@dataclass
class Hand:
    """What the visitor does: Revive, once the run has paused at that step."""

    revive_at: int
    revived: float = 0.0  # when, by the wall clock
    _polls: int = field(default=0)

    def poll(self) -> Sequence[Command]:
        self._polls += 1
        if not self.revive_at or self._polls != self.revive_at + 1:
            return ()
        self.revived = time.perf_counter()
        return (Command("revive", id=1),)

    def wait(self, seconds: float) -> Sequence[Command]:
        time.sleep(seconds)
        return ()


@dataclass(frozen=True)
class Seen:
    """An evaluation, `at` seconds after the run began, and `after` seconds after Revive."""

    at: float
    after: float
    step: int
    used: int
    nmse: float
    mean: float


def train(config: RunConfig, revive_at: int = 0) -> list[Seen]:
    """Train once, to the end."""
    trainer, hand = Trainer(config, load(config.data)), Hand(revive_at)
    found = []
    began = time.perf_counter()
    for record in trainer.run(hand):
        if isinstance(record, Evaluation):
            now = time.perf_counter()
            after = now - hand.revived if hand.revived else 0.0
            found.append(Seen(now - began, after, record.step, record.books[0].used, record.nmse, record.nmse_mean_picture))
    return found


def first(found: Sequence[Seen], what: Any) -> Seen | None:
    return next((seen for seen in found if what(seen)), None)


def seconds(seen: Seen | None) -> float | None:
    return None if seen is None else round(seen.at, 3)


def sixteen(seed: int, *, quick: bool) -> dict[str, Any]:
    """Card 3, at full speed."""
    config = config_of("train", seed, quick=quick)
    found, K = train(config), config.model.quantizer.K
    within = [seen for seen in found if seen.at <= 1.0]
    trained = [seen for seen in found if seen.step]
    return {
        "card": "train",
        "seed": seed,
        "steps": found[-1].step,
        # at the very start each code lies on a digit, so that all are in use before anything was learnt: it counts from the first fall on
        "all_used_s": seconds(first(trained, lambda seen: seen.used == K and seen.nmse < seen.mean)),
        "recognised_s": seconds(first(trained, lambda seen: seen.nmse <= RECOGNISED)),
        "used_at_1_s": within[-1].used,
        "NMSE_at_1_s": within[-1].nmse,
        "used": found[-1].used,
        "NMSE": found[-1].nmse,
        "mean_picture": found[-1].mean,
        "seconds": found[-1].at,
    }


def broken(seed: int, *, quick: bool) -> dict[str, Any]:
    """Card 4: broken until its pause, then revived."""
    config, pause = config_of("broken", seed, quick=quick), QUICK_PAUSE if quick else TOUR["broken"].pause_at
    found, K = train(config, pause), config.model.quantizer.K
    before = [seen for seen in found if seen.step <= pause]
    after = [seen for seen in found if seen.step > pause]
    whole = first(after, lambda seen: seen.used == K)
    good = first(after, lambda seen: seen.nmse <= 0.30)
    within = [seen for seen in after if seen.after <= 2.0] or after[:1]
    return {
        "card": "broken",
        "seed": seed,
        "steps": found[-1].step,
        "most_used_broken": max(seen.used for seen in before),
        "NMSE_broken": before[-1].nmse,
        "all_used_after_s": None if whole is None else round(whole.after, 3),
        "NMSE_030_after_s": None if good is None else round(good.after, 3),
        "used_2_s_after": within[-1].used,
        "NMSE_2_s_after": within[-1].nmse,
        "used": found[-1].used,
        "NMSE": found[-1].nmse,
        "mean_picture": found[-1].mean,
        "seconds": found[-1].at,
    }


def grid(seed: int, *, quick: bool) -> dict[str, Any]:
    """Card 5."""
    found = train(config_of("grid", seed, quick=quick))
    return {
        "card": "grid",
        "seed": seed,
        "steps": found[-1].step,
        "NMSE_009_s": seconds(first(found, lambda seen: seen.nmse <= 0.09)),
        "used": found[-1].used,
        "NMSE": found[-1].nmse,
        "mean_picture": found[-1].mean,
        "seconds": found[-1].at,
    }


def config_of(card: str, seed: int, *, quick: bool) -> RunConfig:
    """The card's configuration with this seed, without its speed limit."""
    return TOUR[card].config.edited({"train.seed": seed, "train.speed_limit": 0.0} | (QUICK if quick else {}))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--card", action="append", choices=list(TOUR), help="this card alone; may be given again")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on (3)")
    arguments = parser.parse_args()
    cards = {"train": sixteen, "broken": broken, "grid": grid}
    seeds = range(1 if arguments.quick else arguments.seeds)
    wanted = arguments.card or list(TOUR)
    found = {name: [cards[name](seed, quick=arguments.quick) for seed in seeds] for name in wanted}
    if arguments.json:
        names = {name: None for rows in found.values() for row in rows for name in row}
        report("Start", [{name: row.get(name) for name in names} for rows in found.values() for row in rows], as_json=True)
        return
    for name, rows in found.items():
        report(f"Start: {TOUR[name].name}", rows, as_json=False)


if __name__ == "__main__":
    main()
