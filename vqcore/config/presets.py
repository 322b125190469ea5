"""Named runs that are good as they are: one click, one word on the command line."""

from __future__ import annotations

from dataclasses import dataclass

from vqcore.config.data import DigitsConfig, GlyphsConfig, MnistConfig, PhotosConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, TrainConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """`title` and `sentence` are for the card; `needs_download` says that the data is not part of the installation.

    `more`: another way to make codes, shown under "More models".
    """

    title: str
    sentence: str
    config: RunConfig
    needs_download: bool = False
    more: bool = False


PRESETS: dict[str, Preset] = {
    "digits": Preset(
        "Digits",
        "Real handwritten digits as 4×4 grids of 32 codes. Codes fall out of use at first, then all come back.",
        RunConfig(
            data=DigitsConfig(),
            model=VQVAEConfig(quantizer=VQConfig(K=32, D=4, init="data"), downsampling=2, hidden=32),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=50, evaluation_images=360),
        ),
    ),
    "photos": Preset(
        "Photos",
        "Colour patches of two photographs as 8×8 grids of 128 codes.",
        RunConfig(
            data=PhotosConfig(),
            model=VQVAEConfig(quantizer=VQConfig(K=128, D=16, learning="ema", ema_decay=0.95, revival_threshold=0.1), downsampling=4),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=100),
        ),
    ),
    "collapse": Preset(
        "Collapse",
        "Codes that start far from the data: most are never chosen. Try Revive while it runs.",
        RunConfig(
            data=DigitsConfig(),
            model=VQVAEConfig(quantizer=VQConfig(K=32, D=4, init="normal", init_scale=10.0), downsampling=2, hidden=32),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=50, evaluation_images=360),
        ),
    ),
    "letters": Preset(
        "Letters",
        "Drawn letters as 7×7 grids of 64 codes, with three cures against dead codes: k-means, EMA, revival.",
        RunConfig(
            data=GlyphsConfig(),
            model=VQVAEConfig(
                quantizer=VQConfig(K=64, D=16, learning="ema", ema_decay=0.95, revival_threshold=0.1), downsampling=4, hidden=32
            ),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=100),
        ),
    ),
    "mnist": Preset(
        "MNIST",
        "60,000 handwritten digits as 7×7 grids of 128 codes, all of them alive. Some 4 minutes on two cores, after a download of 11 MB.",
        RunConfig(
            data=MnistConfig(),
            model=VQVAEConfig(quantizer=VQConfig(K=128, D=16, learning="ema", ema_decay=0.95, revival_threshold=0.1), downsampling=4),
            train=TrainConfig(steps=2808, batch_size=128, lr=3e-3, schedule="cosine", evaluate_every=78, checkpoint_every=468),
        ),
        needs_download=True,
    ),
    "residual": Preset(
        "Residual",
        "Digits in three stages of 16 codes each: every stage describes what the earlier ones left over. 12 bits a cell with 48 codes.",
        RunConfig(
            data=DigitsConfig(),
            model=VQVAEConfig(quantizer=ResidualConfig(stages=(VQConfig(K=16, D=4, init="data"),) * 3), downsampling=2, hidden=32),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=50, evaluation_images=360),
        ),
        more=True,
    ),
    "fsq": Preset(
        "Fixed levels (FSQ)",
        "Digits with 240 codes that nothing learns: each of three numbers is rounded to one of 8, 6 and 5 levels.",
        RunConfig(
            data=DigitsConfig(),
            model=VQVAEConfig(quantizer=FSQConfig(levels=(8, 6, 5)), downsampling=2, hidden=32),
            train=TrainConfig(steps=1500, batch_size=64, lr=2e-3, evaluate_every=50, evaluation_images=360),
        ),
        more=True,
    ),
}
