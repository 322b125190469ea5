"""Rate and distortion, the codebook's size, and the stopwatch, as figures."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import pytest

from vqcore.plots.bits import codebook_size, lookup_memory, lookup_times, rate_distortion, use_against_codes
from vqcore.plots.figure import Figure, to_json
from vqcore.sweeps.results import Cell, Result

ROWS = [
    {
        "K": K,
        "D": 16,
        "N": 1024,
        "block_ms": K / 100,
        "table_ms": None if K > 1000 else K / 50,
        "block_bytes": 2**20,
        "table_bytes": 8192 * K,
    }
    for K in (16, 256, 65_536)
]


def cell(K: int, entropy: float, nmse: float, M: int = 16, seeds: int = 2) -> Cell:
    results = [
        Result((str(K),), {}, seed, state="finished", K=K, M=M, used=K - seed, entropy_bits=entropy, nmse=nmse, images=9)
        for seed in range(seeds)
    ]
    return Cell((str(K),), seeds, tuple(results))


def approved(drawn: Figure) -> list[dict[str, Any]]:
    go.Figure(drawn)
    to_json(drawn)
    return list(drawn["data"])


def test_both_rates_of_a_model_stand_at_its_error() -> None:
    data = approved(rate_distortion({"16 cells": [cell(64, 5.0, 0.05), cell(4, 1.5, 0.2)]}, mark_bits=96, mean_picture=0.52))
    joins, fixed, histogram, mean = data
    assert fixed["x"] == [32, 96] and fixed["y"] == [0.2, 0.05]
    assert histogram["x"] == [24, 80] and histogram["y"] == [0.2, 0.05]
    assert histogram["marker"]["symbol"].endswith("-open") and not fixed["marker"]["symbol"].endswith("-open")
    assert joins["x"] == [24, 32, None, 80, 96, None]
    assert mean["y"] == [0.52, 0.52]
    assert "Fixed-code bits" in fixed["hovertemplate"] and "Histogram bits" in histogram["hovertemplate"]


def test_the_chosen_bits_are_marked_with_words_that_stay_inside() -> None:
    low, high = (
        rate_distortion({"a": [cell(4, 1.5, 0.2), cell(64, 5.0, 0.05)]}, mark_bits=bits)["layout"]["shapes"][0] for bits in (8, 294)
    )
    assert (low["x0"], low["label"]["text"], low["label"]["xanchor"]) == (8, "8 bits", "left")
    assert (high["x0"], high["label"]["text"], high["label"]["xanchor"]) == (294, "294 bits", "right")


def test_a_model_that_says_nothing_keeps_a_place_on_the_log_axis() -> None:
    data = approved(rate_distortion({"a": [cell(64, 0.0, 0.5)]}))
    assert data[2]["x"] == [0.1]
    assert approved(rate_distortion({})) == []


def test_use_is_the_share_of_the_codes_with_the_seeds_spread() -> None:
    (trace,) = approved(use_against_codes({"a": [cell(64, 5.0, 0.05), cell(4, 1.5, 0.2)]}, mark_codes=64))
    assert trace["x"] == [4, 64]
    assert trace["y"] == [87.5, 99.219]
    assert trace["error_y"]["array"] == [12.5, 0.78125]


@pytest.mark.parametrize(("D", "K"), [(1, 2), (16, 64), (256, 65_536)])
def test_the_codebook_holds_k_times_d_numbers(D: int, K: int) -> None:
    line, mark, network = approved(codebook_size(D, K, network=52_000))
    assert all(y == x * D for x, y in zip(line["x"], line["y"], strict=True))
    assert (mark["x"], mark["y"]) == ([K], [K * D])
    assert network["y"] == [52_000, 52_000]
    assert len(approved(codebook_size(D, K))) == 2


def test_the_stopwatch_shows_what_was_measured_and_leaves_out_what_was_not() -> None:
    table, block = approved(lookup_times(ROWS, mark_codes=64))
    assert table["x"] == [16, 256] and block["x"] == [16, 256, 65_536]
    assert table["y"] == [0.32, 5.12]
    table, block = approved(lookup_memory(ROWS))
    assert table["y"] == [8192 * K for K in (16, 256, 65_536)] and block["customdata"] == ["1", "1", "1"]
    low, high = lookup_times([])["layout"]["xaxis"]["range"]
    assert low < math.log10(16) and high > math.log10(65_536), "the axis stands before anything is measured"
    assert lookup_times([], mark_codes=64)["layout"]["shapes"] == []
