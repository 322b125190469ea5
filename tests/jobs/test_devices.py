"""A device that the server lacks is refused without torch, before there is a run."""

from __future__ import annotations

import pytest

from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError
from vqcore.jobs import devices
from vqcore.jobs.devices import local_devices, require_local_device


def test_a_machine_without_gpu_refuses_cuda_and_says_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VQ_SCHEDULER", raising=False)
    monkeypatch.setattr(devices, "gpus", lambda: ())
    with pytest.raises(ConfigError, match=r"'cuda': this machine has .*cpu\. Choose one of them, or 'auto'"):
        require_local_device(RunConfig().edited({"train.device": "cuda"}))
    for name in local_devices():
        require_local_device(RunConfig().edited({"train.device": name}))


def test_a_machine_with_one_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: ("GPU-11aa",))
    require_local_device(RunConfig().edited({"train.device": "cuda"}))
    assert local_devices()[0] == "cuda"


def test_what_another_machine_has_is_not_judged_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VQ_SCHEDULER", raising=False)
    monkeypatch.setattr(devices, "gpus", lambda: ())
    config = RunConfig().edited({"train.device": "cuda"})
    with pytest.raises(ConfigError):
        require_local_device(config)
    monkeypatch.setenv("VQ_SCHEDULER", "tls://elsewhere:8786")
    require_local_device(config)  # refused by nobody
