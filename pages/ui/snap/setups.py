"""What the microscope may be set to before its first step: tiny models whose codes live in a plane."""

from __future__ import annotations

from dataclasses import dataclass

from vqcore.config.data import DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig

SMALLEST_K, LARGEST_K = 8, 16


@dataclass(frozen=True, slots=True)
class Source:
    """`lr` and `steps` are such that codes have begun to spread over the encoder's outputs, and some are still unused."""

    title: str
    lr: float
    steps: int


@dataclass(frozen=True, slots=True)
class Start:
    """`scale` is the standard deviation of the codes' first places; `trained`: the source's steps are taken before one looks."""

    title: str
    scale: float
    trained: bool


SOURCES: dict[str, Source] = {"rings": Source("Rings: points", 0.02, 40), "digits": Source("Digits: pictures", 0.01, 100)}
STARTS: dict[str, Start] = {
    "begun": Start("A little trained", 0.3, True),
    "new": Start("Untrained", 0.3, False),
    "far": Start("Codes far away", 3.0, True),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """A choice of each. K is 8 to 16."""

    data: str = "rings"
    start: str = "begun"
    K: int = 12
    seed: int = 1

    @property
    def steps(self) -> int:
        """How many steps are taken before one looks."""
        return SOURCES[self.data].steps if STARTS[self.start].trained else 0

    def config(self) -> RunConfig:
        """The run that this is. EMA forgets fast, so that its steps are seen."""
        quantizer = VQConfig(K=self.K, D=2, init="normal", init_scale=STARTS[self.start].scale, ema_decay=0.8)
        return RunConfig(
            data=DigitsConfig() if self.data == "digits" else RingsConfig(),
            model=VQVAEConfig(quantizer=quantizer, downsampling="vector", hidden=16, residual_blocks=0),
            train=TrainConfig(batch_size=24, lr=SOURCES[self.data].lr, seed=self.seed, threads=1),
        )
