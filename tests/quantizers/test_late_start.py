"""Codes that start after some steps without quantising (arXiv:2005.08520)."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vqcore.config.quantizer import VQConfig
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.vq import VQ


def make(**fields: Any) -> VQ:
    torch.manual_seed(0)
    return VQ(VQConfig.parse({"K": 16, "D": 4, "init": "data", **fields}))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(seed: int = 0) -> Tensor:
    return torch.randn(8, 4, 5, generator=seeded(seed)) + 3


@settings(deadline=None, max_examples=25)
@given(
    after=st.integers(0, 6),
    init=st.sampled_from(["data", "kmeans", "normal"]),
    distance=st.sampled_from(["euclidean", "l2"]),
    estimator=st.sampled_from(["straight_through", "rotation"]),
)
def test_it_quantises_after_just_so_many_updates(after: int, init: str, distance: str, estimator: str) -> None:
    vq = make(start_after=after, init=init, distance=distance, estimator=estimator)
    for step in range(after):
        assert not vq.quantises and not vq.starts_now
        out = vq(batch(step))
        passed = vq.compared(batch(step).movedim(1, -1))[0].movedim(-1, 1)
        assert torch.equal(out.z_q, passed)
        assert out.loss == 0
        assert ((out.indices[0] >= 0) & (out.indices[0] < 16)).all()
        vq.update_(seeded())
    assert vq.quantises
    assert vq.starts_now == (init != "normal")
    out = vq(batch(9))
    assert torch.allclose(vq.codes(out.indices), out.z_q)
    assert not vq.starts_now


def test_codes_start_on_the_outputs_of_then_not_of_the_beginning() -> None:
    vq = make(start_after=2)
    for shift in (50, 60):
        vq(batch() + shift)
        vq.update_(seeded())
    vq(batch() - 20)
    assert vq.codebook.detach().mean() == pytest.approx(-17, abs=1)


def test_a_look_or_an_empty_batch_is_no_step() -> None:
    vq = make(start_after=1)
    vq.eval()
    vq(batch())
    vq.update_(seeded())
    vq.train()
    vq(batch()[:0])
    vq.update_(seeded())
    assert not vq.quantises
    vq(batch())
    vq.update_(seeded())
    assert vq.quantises


def test_what_was_counted_is_saved_and_a_state_of_before_is_a_started_one() -> None:
    vq, again, older = make(start_after=3), make(start_after=3), make(start_after=3)
    for _ in range(2):
        vq(batch())
        vq.update_(seeded())
    again.load_state_dict(vq.state_dict())
    again(batch())
    assert not again.quantises
    again.update_(seeded())
    assert again.quantises
    older.load_state_dict({name: value for name, value in vq.state_dict().items() if name != "waits"})
    assert older.quantises


def test_a_loop_that_forgets_update_is_told_that_codes_never_start() -> None:
    vq = make(start_after=3)
    with pytest.raises(ConfigError, match=r"without update_, and with start_after codes start nowhere else\. Call quantizer\.update_"):
        for _ in range(40):
            vq(batch())


RUN = RunConfig.parse({"model": {"quantizer": {"K": 16, "start_after": 49}}, "train": {"steps": 50}})


@pytest.mark.parametrize("after", [50, 51, 9_999])
def test_a_start_that_training_never_reaches_is_refused(after: int) -> None:
    with pytest.raises(ConfigError, match=rf"start_after is {after:,}, and training ends at step 50 .* choose 0 to 49, or train longer"):
        RUN.edited({"model.quantizer.start_after": after})
    with pytest.raises(ConfigError, match="choose 0 to 48"):
        RUN.edited({"train.steps": 49})


def test_a_prior_may_take_fewer_steps_than_its_codes_waited() -> None:
    data = RUN.model_dump(mode="json") | {"kind": "prior", "parent": {"run": "a", "checkpoint": "0123456789ab"}}
    data["train"]["steps"] = 10
    assert PriorRunConfig.parse(data).model.quantizer.start_after == 49
