"""Every prior: kind → configuration and class. A new one is a file, its configuration and a line here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from vqcore.config.prior import AnyPriorConfig, HistogramConfig, PixelCNNConfig, TransformerConfig, UniformConfig
from vqcore.errors import ConfigError
from vqcore.layout import Layout
from vqcore.priors.base import Prior


@dataclass(frozen=True, slots=True)
class Entry:
    """`target` is "module:Class", imported on use; the class takes (config, layout)."""

    config: type[AnyPriorConfig]
    target: str


PRIORS: dict[str, Entry] = {
    "uniform": Entry(UniformConfig, "vqcore.priors.simple:Uniform"),
    "histogram": Entry(HistogramConfig, "vqcore.priors.simple:Histogram"),
    "pixelcnn": Entry(PixelCNNConfig, "vqcore.priors.pixelcnn:PixelCNN"),
    "transformer": Entry(TransformerConfig, "vqcore.priors.transformer:Transformer"),
}


def build_prior(config: AnyPriorConfig, layout: Layout) -> Prior:
    """The prior that a configuration describes, with torch's global generator drawing its weights. Raises ConfigError."""
    if getattr(config, "conditional", False) and not layout.classes:
        raise ConfigError("prior.conditional: these data have no labels to learn from. Set it to false.")
    module, name = PRIORS[config.kind].target.split(":")
    prior: Prior = getattr(import_module(module), name)(config, layout)
    return prior
