"""Every model: kind → configuration and class. A new one is a file, its configuration and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from vqcore.config.model import BaseModelConfig, ModelConfig, VQVAEConfig
from vqcore.errors import ConfigError
from vqcore.models.base import Model


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is "module:Class", imported on use; the class takes (config, shape, modality, variance)."""

    config: type[BaseModelConfig]
    target: str


MODELS: dict[str, Entry] = {
    "vqvae": Entry(VQVAEConfig, "vqcore.models.vqvae:VQVAE"),
}


def build_model(config: ModelConfig, shape: tuple[int, ...], modality: str, variance: float) -> Model:
    """The model that a configuration describes, its weights drawn from torch's global generator.

    `shape` is one example's; `variance` is the training data's, over all elements, in the units that the model sees (pictures
    in [0, 1]). Raises ConfigError for data that the model cannot take.
    """
    if not variance > 0:
        raise ConfigError(f"the training data's variance is {variance}: all of it is the same. Choose data that differs.")
    module, name = MODELS[config.kind].target.split(":")
    model: Model = getattr(import_module(module), name)(config, shape, modality, variance)
    return model
