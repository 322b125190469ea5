"""Configurations of the data sets. One class an entry of `vqcore.data.registry`."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vqcore.config.base import Config

Modality = Literal["image", "points", "sound"]


class BaseDataConfig(Config):
    """What every data set's configuration can say about its examples before any is loaded."""

    modality: ClassVar[Modality]
    labelled: ClassVar[bool] = True  # every data set here knows at least one factor of its examples

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of one example: (channels, height, width) of a picture, (axes,) of a point."""

    @property
    def noun(self) -> str:
        """What one example is called: "image", "point" or "sound"."""
        return "point" if self.modality == "points" else self.modality


class _Images(BaseDataConfig):
    modality = "image"
    binarise: bool = Field(
        False,
        title="Binarise",
        description="Turn every pixel black or white (threshold 0.5). Choose the binary cross-entropy with it.",
    )


class DigitsConfig(_Images):
    """1,797 real handwritten digits, 8×8, grey. Comes with scikit-learn: no network."""

    kind: Literal["digits"] = "digits"

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, 8, 8


class PhotosConfig(_Images):
    """32×32 colour patches of two photographs, split by region. Comes with scikit-learn: no network."""

    kind: Literal["photos"] = "photos"
    patches: int = Field(4096, ge=256, le=20_000, title="Patches", description="How many patches are cut, 256 to 20,000.")

    @property
    def shape(self) -> tuple[int, ...]:
        return 3, 32, 32


class ShapesConfig(_Images):
    """32×32 colour drawings whose shape, colour, size and place are known. Drawn here: no network."""

    kind: Literal["shapes"] = "shapes"
    count: int = Field(4096, ge=256, le=50_000, title="Pictures", description="How many pictures are drawn, 256 to 50,000.")

    @property
    def shape(self) -> tuple[int, ...]:
        return 3, 32, 32


class GlyphsConfig(_Images):
    """28×28 letters in Pillow's own font, each turned, scaled and shifted at random. Drawn here: no network."""

    kind: Literal["glyphs"] = "glyphs"
    count: int = Field(8192, ge=256, le=50_000, title="Letters", description="How many letters are drawn, 256 to 50,000.")

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, 28, 28


class RingsConfig(BaseDataConfig):
    """Points on two noisy rings in the plane. Drawn here: no network."""

    kind: Literal["rings"] = "rings"
    modality = "points"
    count: int = Field(4096, ge=256, le=100_000, title="Points", description="How many points are drawn, 256 to 100,000.")
    noise: float = Field(
        0.05, ge=0, le=0.5, title="Noise", description="Standard deviation around the ring, 0 to 0.5; the outer ring has radius 1."
    )

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)


class MnistConfig(_Images):
    """70,000 handwritten digits, 28×28, grey. Downloaded once (11 MB), or placed by hand."""

    kind: Literal["mnist"] = "mnist"

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, 28, 28


class FashionMnistConfig(_Images):
    """70,000 pieces of clothing, 28×28, grey. Downloaded once (30 MB), or placed by hand."""

    kind: Literal["fashion_mnist"] = "fashion_mnist"

    @property
    def shape(self) -> tuple[int, ...]:
        return 1, 28, 28


DataConfig = Annotated[
    DigitsConfig | PhotosConfig | ShapesConfig | GlyphsConfig | RingsConfig | MnistConfig | FashionMnistConfig,
    Field(discriminator="kind"),
]
