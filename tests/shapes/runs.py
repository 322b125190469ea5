"""Tiny runs of every shape that a model can have, trained for a moment by the real training loop into real run folders.

A shape is a line here: screens are walked with it (test_walk.py), and other tests may ask for it (`shapes`).
"""

from __future__ import annotations

import torch

from vqcore.config.data import DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.prior import PixelCNNConfig
from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs import worker
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

_TRAIN = TrainConfig(
    steps=40,
    batch_size=64,
    lr=2e-3,
    device="cpu",
    precision="float32",
    threads=1,
    record_every=5,
    evaluate_every=20,
    evaluation_images=64,
    checkpoint_every=20,
)
_SMALL = {"hidden": 8, "residual_blocks": 0}
_VQ = VQConfig(K=16, D=4, init="data")
_RESIDUAL = ResidualConfig(stages=(_VQ, _VQ, _VQ.edited({"K": 8})))
_FSQ = FSQConfig(levels=(4, 3, 3))

# the grid of a picture, one vector of a picture, several books, codes that nothing learns, points; further kinds join as they come
MODELS: dict[str, RunConfig] = {
    "grid": RunConfig(data=DigitsConfig(), model=VQVAEConfig(quantizer=_VQ, downsampling=2, **_SMALL), train=_TRAIN),
    "vector": RunConfig(data=DigitsConfig(), model=VQVAEConfig(quantizer=_VQ, downsampling="vector", net="mlp", **_SMALL), train=_TRAIN),
    "residual": RunConfig(data=DigitsConfig(), model=VQVAEConfig(quantizer=_RESIDUAL, downsampling=2, **_SMALL), train=_TRAIN),
    "fsq": RunConfig(data=DigitsConfig(), model=VQVAEConfig(quantizer=_FSQ, downsampling=2, **_SMALL), train=_TRAIN),
    "points": RunConfig(
        data=RingsConfig(count=1000),
        model=VQVAEConfig(quantizer=VQConfig(K=8, D=2, init="data"), downsampling="vector", **_SMALL),
        train=_TRAIN,
    ),
}
PRIOR = " prior"  # ends the name of a shape that is a PixelCNN over the codes of a model, as in "grid prior"
SHAPES = (*MODELS, *(f"{name}{PRIOR}" for name in MODELS))


def train_all(store: RunStore) -> dict[str, RunFolder]:
    """One finished run a shape, in `store`: some seconds."""
    threads = torch.get_num_threads()
    runs = {name: _trained(store.create(config, name=f"The {name}")) for name, config in MODELS.items()}
    tiny = PixelCNNConfig(hidden=8, layers=2, dropout=0.0)
    for name in MODELS:
        folder = store.create_prior(runs[name], tiny, _TRAIN.edited({"steps": 20, "evaluate_every": 10}), name=f"Prior of the {name}")
        runs[f"{name}{PRIOR}"] = _trained(folder)
    torch.set_num_threads(threads)
    return runs


def _trained(folder: RunFolder) -> RunFolder:
    assert worker.run(folder, "cli") == "finished", folder.status().error
    return folder
