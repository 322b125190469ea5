"""The stopwatch: both ways find the same codes, what they hold is counted right, and a step's time is measured."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vqcore.analysis import stopwatch
from vqcore.config.presets import PRESETS
from vqcore.errors import ConfigError
from vqcore.quantizers.lookup import nearest_code


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 300), st.integers(1, 9), st.integers(0, 5))
def test_both_ways_find_codes_equally_near(N: int, K: int, D: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z, codebook = torch.randn(N, D, generator=generator), torch.randn(K, D, generator=generator)
    distances = torch.cdist(z.double(), codebook.double())
    for search in (nearest_code, stopwatch.whole_table):
        chosen = distances[torch.arange(N), search(z, codebook)]
        assert torch.allclose(chosen, distances.amin(1), rtol=1e-4, atol=1e-3)


def test_the_whole_table_is_counted_to_the_byte() -> None:
    N, K, D = 100, 300, 8
    z, codebook = torch.zeros(N, D), torch.zeros(K, D)
    table = 4 * N * K
    # at the worst moment the difference, the product and the sum's first half are there: two tables and two rows of norms
    assert 2 * table <= stopwatch.held(stopwatch.whole_table, z, codebook) <= 2 * table + 4 * (N * D + K * D + N + K) * 2


def test_counting_sees_what_is_held_at_once_and_not_what_is_made_in_all() -> None:
    z = torch.zeros(1000, 10)

    def one_after_the_other(z: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        for _step in range(5):
            z = z + 1
        return z

    def all_kept(z: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return torch.stack([z + i for i in range(5)])

    def views(z: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        return z.T.reshape(-1)[:7].view(7)

    size = 4 * 10_000
    assert stopwatch.held(one_after_the_other, z, z) == 2 * size
    assert stopwatch.held(all_kept, z, z) == 10 * size
    assert stopwatch.held(views, z, z) == size, "only the transposed copy; views hold nothing"
    assert stopwatch.held(lambda z, _: z.add_(1), z, z) == 0


def test_blocks_stay_bounded_where_the_table_grows() -> None:
    N, D = 1024, 4
    small, large = (stopwatch.held(nearest_code, torch.zeros(N, D), torch.zeros(K, D)) for K in (4096, 16_384))
    assert large < 1.2 * small
    tables = [stopwatch.held(stopwatch.whole_table, torch.zeros(N, D), torch.zeros(K, D)) for K in (4096, 16_384)]
    assert tables[1] > 3.9 * tables[0] > 4 * small


def test_an_answer_is_plain_and_leaves_the_threads_as_they_were() -> None:
    before = torch.get_num_threads()
    found = stopwatch.lookup(64, 4, 128)
    assert torch.get_num_threads() == before
    assert json.loads(json.dumps(found)) == found
    assert (found["K"], found["D"], found["N"]) == (64, 4, 128)
    assert found["block_ms"] > 0 and found["table_ms"] > 0 and found["same"] > 0.99


def test_a_table_that_would_be_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "LARGEST_TABLE", 1000)
    found = stopwatch.lookup(64, 4, 128)
    assert found["table_ms"] is found["table_bytes"] is found["same"] is None and found["block_ms"] > 0


def test_a_step_is_timed_on_nobodys_account() -> None:
    config = PRESETS["digits"].config.edited({"model.hidden": 8, "train.speed_limit": 1.0})
    seconds = stopwatch.step_seconds(config.model_dump(mode="json"))
    assert math.isfinite(seconds) and 0 < seconds < 0.9, "the speed limit is for watching, and does not count"
    with pytest.raises(ConfigError):
        stopwatch.step_seconds({"model": {"hidden": -1}})
