"""What `help(vqcore)` shows, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vqcore
from vqcore.quantizers.vq import VQ

DEMO = Path(__file__).parents[1] / "assets" / "demo"


def blocks() -> list[str]:
    """The indented stretches of the docstring."""
    assert vqcore.__doc__ is not None
    found = re.findall(r"\n\n((?:    .*\n|\n(?=    ))+)", vqcore.__doc__)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in found]


def lines(block: str) -> int:
    return sum(1 for line in block.splitlines() if line.strip())


def test_there_are_two_each_under_ten_lines() -> None:
    assert [lines(block) < 10 for block in blocks()] == [True, True]


def test_the_quantizer_alone_learns() -> None:
    torch.manual_seed(0)
    x = torch.rand(64, 8).repeat(8, 1) + 0.01 * torch.randn(512, 8)  # as many clusters as codes
    encoder, decoder = nn.Linear(8, 16), nn.Linear(16, 8)
    names: dict[str, Any] = {
        "encoder": encoder,
        "decoder": decoder,
        "optimizer": torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-2),
        "generator": torch.Generator().manual_seed(0),
        "batches": [x] * 200,
    }
    exec(blocks()[0], names)
    quantizer = names["quantizer"]
    assert isinstance(quantizer, VQ)
    error = (decoder(quantizer.eval()(encoder(x)).z_q) - x).square().mean()
    assert error < 0.6 * x.var()
    assert quantizer.updates == 200 and len(names["out"].indices[0].unique()) > 8


@pytest.mark.parametrize("block", [1])
def test_a_run_is_loaded_edited_decoded_and_counted(block: int) -> None:
    path = next(path for path in sorted(DEMO.iterdir()) if '"digits"' in (path / "config.json").read_text(encoding="utf-8"))
    names: dict[str, Any] = {"torch": torch, "path": path}
    exec(blocks()[block], names)
    codes, pictures, hits = names["codes"], names["pictures"], names["hits"]
    assert (codes[:, 0, 0] == 5).all()
    assert pictures.shape == (64, 1, 8, 8) and pictures.min() >= 0 and pictures.max() <= 1
    assert hits.sum() == codes.numel() and hits[5] >= 64
