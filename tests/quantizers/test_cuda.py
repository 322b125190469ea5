"""On an NVIDIA GPU: the same answers as on the processor, and nothing that waits for the device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from vqcore.config.quantizer import VQConfig
from vqcore.metrics.codebook import UsageMeter
from vqcore.quantizers.lookup import nearest_code
from vqcore.quantizers.vq import VQ

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")


@pytest.fixture
def no_waiting() -> Iterator[None]:
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("K", [3, 300, 5000])
def test_the_lookup_agrees_with_the_processor(K: int) -> None:
    z, codebook = torch.randint(-9, 9, (20_000, 8)).float(), torch.randint(-9, 9, (K, 8)).float()  # integers: sums are exact
    assert torch.equal(nearest_code(z.cuda(), codebook.cuda()).cpu(), nearest_code(z, codebook))


@pytest.mark.parametrize("learning", ["gradient", "ema"])
@pytest.mark.parametrize("where", ["cpu", "cuda"])
def test_a_step_never_waits(learning: str, where: str, no_waiting: None) -> None:
    vq = VQ(VQConfig(K=64, D=8, init="normal", learning=learning, estimator="rotation", revival_threshold=0.5)).cuda()
    meter = UsageMeter(64).cuda()
    generator = torch.Generator(where).manual_seed(0)
    for step in range(3):
        out = vq(torch.randn(4, 8, 7, 7, device="cuda", requires_grad=True))
        (out.loss + out.z_q.sum()).backward()
        vq.update_(generator)
        vq.clear_changed_()
        meter.update_(out.indices[0], step)
    vq.revive_(torch.randn(100, 8, device="cuda"), (torch.ones(64, dtype=torch.bool, device="cuda"),), generator)
    # the fixture raises at the first wait; what follows may wait, and shows that the steps did their work
    torch.cuda.set_sync_debug_mode("default")
    assert vq.changed[0].all() and (meter.last_hit >= 0).any()
