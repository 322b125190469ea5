"""Which devices the engine's own workers have, found without torch: a run that asks for another is refused before it is made."""

from __future__ import annotations

import os
import platform
import sys

from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError
from vqcore.jobs.cluster import gpus


def local_devices() -> tuple[str, ...]:
    """Names as in `train.device`, the fastest first."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return tuple(name for name, there in (("cuda", bool(gpus())), ("mps", apple), ("cpu", True)) if there)


def require_local_device(config: RunConfig) -> None:
    """Raises ConfigError when the run asks for a device that this machine lacks. What another machine's scheduler has is not known here."""
    name = config.train.device
    if name in ("auto", "cpu") or os.environ.get("VQ_SCHEDULER", "").strip():
        return
    if name not in (devices := local_devices()):
        raise ConfigError(f"train.device '{name}': this machine has {', '.join(devices)}. Choose one of them, or 'auto'.")
