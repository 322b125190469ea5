"""Data files of scikit-learn, read where they lie: importing scikit-learn itself takes more than a second."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from vqcore.errors import DataError


def scikit_file(name: str) -> Path:
    """The path of `name` below scikit-learn's folder of data sets. Raises DataError when it is not there."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("scikit-learn is not installed, and this data set comes with it. Install it: pip install scikit-learn")
    path = Path(spec.origin).parent / "datasets" / name
    if not path.is_file():
        raise DataError(f"{path} is missing: scikit-learn keeps it there. Install the version that requirements.txt names.")
    return path
