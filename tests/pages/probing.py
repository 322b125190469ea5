"""What the light worker would have found out about a finished run of the fixtures, small and made up."""

from __future__ import annotations

from typing import Any

import numpy as np

from .conftest import D, K

LABELS = ("zero", "one")


def probe_arrays(*, points: bool = False, step: int = 100) -> dict[str, Any]:
    """What the light worker would have found for a finished run of the fixtures: each code k has k patches, the first codes none."""
    random = np.random.default_rng(0)
    n = 6
    pictures = random.normal(size=(n, 2)).astype(np.float32) if points else random.integers(0, 255, (n, 8, 8, 1), dtype=np.uint8)
    patch = np.full((K, 12), -1, dtype=np.int32)
    for k in range(K):
        patch[k, :k] = np.arange(k) % n
    decoded = random.normal(size=(K, 2)).astype(np.float32) if points else random.integers(0, 255, (K, 8, 8, 1), dtype=np.uint8)
    book = {
        "name": np.array("codes"),
        "codebook": random.normal(size=(K, D)).astype(np.float32),
        "counts": np.arange(K, dtype=np.int64),
        "label_counts": np.stack([np.arange(K), 2 * np.arange(K)], axis=1),
        "z": random.normal(size=(30, D)).astype(np.float16),
        "z_code": random.integers(0, K, 30).astype(np.int32),
        "z_image": np.zeros(30, dtype=np.int64),
        "z_label": np.zeros(30, dtype=np.int64),
        "z_row": np.zeros(30, dtype=np.int32),
        "z_col": np.zeros(30, dtype=np.int32),
        "decoded": decoded,
        "decoded_code": np.arange(K, dtype=np.int32),
        "fields": np.zeros((0, 0, 4), np.int32)
        if points
        else np.array([[[0, 0, 6, 6], [0, 2, 6, 8]], [[2, 0, 8, 6], [2, 2, 8, 8]]], np.int32),
        "patch_picture": patch,
        "patch_row": np.where(patch < 0, -1, 0 if points else 1).astype(np.int32),
        "patch_col": np.where(patch < 0, -1, 0).astype(np.int32),
        "patch_distance": np.ones((K, 12), dtype=np.float32),
    }
    return {
        "step": np.int64(step),
        "images": np.int64(40),
        "complete": np.bool_(True),
        "books": np.int64(1),
        "label_set": np.array("digit"),
        "label_names": np.array(LABELS),
        "pictures": pictures,
        "picture_image": np.arange(n),
        "picture_label": np.zeros(n, dtype=np.int64),
        **{f"{name}_0": value for name, value in book.items()},
    }


def umap_arrays(repeated: int = 0, method: str = "umap") -> dict[str, Any]:
    random = np.random.default_rng(1)
    counts = {"repeated_codes": repeated, "repeated_cloud": 0, "left_out": 0, "distinct": 38 - repeated, "neighbours": 15}
    return {
        "step": np.int64(100),
        "codes": random.normal(size=(K, 2)).astype(np.float32),
        "cloud": random.normal(size=(30, 2)).astype(np.float32),
        "method": np.array(method),
        **{name: np.int64(value) for name, value in counts.items()},
    }


def useful_arrays(sets: tuple[str, ...] = ("digit",)) -> dict[str, Any]:
    S = len(sets)
    return {
        "step": np.int64(100),
        "label_sets": np.array(sets, dtype=np.str_),
        "trained_on": np.int64(160),
        "judged_on": np.int64(40),
        "correct": np.full(S, 30),
        "shuffled": np.tile([3, 4, 5], (S, 1)),
        "renamed": np.full(S, 10),
        "majority": np.full(S, 6),
        "classes": np.full(S, 10),
        "converged": np.ones(S, dtype=bool),
    }
