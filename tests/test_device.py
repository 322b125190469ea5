"""Which device and which precision are chosen."""

from __future__ import annotations

import pytest
import torch

from vqcore import device
from vqcore.device import available_devices, choose_device, choose_precision
from vqcore.errors import ConfigError

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")


def test_auto_takes_the_fastest_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device("auto").type == available_devices()[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused_with_what_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"train.device 'cuda': this machine has .*cpu.* or 'auto'"):
        choose_device("cuda")


@pytest.mark.parametrize("where", [CPU, CUDA, MPS])
def test_what_is_asked_for_is_given(where: torch.device) -> None:
    assert choose_precision("float32", where, 1e12) == torch.float32
    assert choose_precision("bfloat16", where, 1.0) == torch.bfloat16


def test_auto_takes_bfloat16_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_precision("auto", CUDA, 1.0) == torch.bfloat16
    assert choose_precision("auto", MPS, 1e12) == torch.float32
    for can, work, expected in [(True, 1e9, torch.bfloat16), (True, 3e7, torch.float32), (False, 1e12, torch.float32)]:
        monkeypatch.setattr(device, "cpu_multiplies_bfloat16", lambda can=can: can)
        assert choose_precision("auto", CPU, work) == expected


def test_what_the_processor_can_is_known_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.cpu_multiplies_bfloat16() in (True, False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert device.cpu_multiplies_bfloat16() is False
