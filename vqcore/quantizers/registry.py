"""Every quantizer: kind → configuration and class. A new one is a file, its configuration and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig, ResidualConfig, VQConfig
from vqcore.quantizers.base import Quantizer


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is "module:Class", imported on use; the class takes the configuration."""

    config: type[AnyQuantizerConfig]
    target: str


QUANTIZERS: dict[str, Entry] = {
    "vq": Entry(VQConfig, "vqcore.quantizers.vq:VQ"),
    "residual": Entry(ResidualConfig, "vqcore.quantizers.residual:Residual"),
    "fsq": Entry(FSQConfig, "vqcore.quantizers.fsq:FSQ"),
}


def build_quantizer(config: AnyQuantizerConfig) -> Quantizer:
    """The quantizer that a configuration describes, with torch's global generator drawing its first codes."""
    module, name = QUANTIZERS[config.kind].target.split(":")
    quantizer: Quantizer = getattr(import_module(module), name)(config)
    return quantizer
