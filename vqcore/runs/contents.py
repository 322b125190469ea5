"""What a run's folder holds besides its documents and records: pictures, snapshots, samples, codes, weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from vqcore.errors import RunError
from vqcore.records import Gallery, Samples, Snapshot, State
from vqcore.runs import arrays
from vqcore.runs.codes import CodeSet
from vqcore.runs.files import DamagedError

T = TypeVar("T")


class RunContents:
    """The folder at `path`. Each reading looks anew; what a crash left torn is passed over."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @property
    def id(self) -> str:
        return self.path.name

    # ── by step ──

    def galleries(self) -> list[int]:
        """Steps that have a gallery, ascending."""
        return self.steps_of("gallery")

    def gallery(self, step: int | None = None) -> Gallery | None:
        """The gallery at `step`, or the latest readable one; None when there is none. Raises RunError when that at `step` is damaged."""
        return self._picture("gallery", step, arrays.read_gallery)

    def snapshots(self) -> list[int]:
        """Steps that have a snapshot, ascending."""
        return self.steps_of("snapshots")

    def snapshot(self, step: int | None = None) -> Snapshot | None:
        """As `gallery`."""
        return self._picture("snapshots", step, arrays.read_snapshot)

    def sample_steps(self) -> list[int]:
        """Steps at which this prior drew samples, ascending; none for the run of a model."""
        return self.steps_of("samples")

    def samples(self, step: int | None = None) -> Samples | None:
        """As `gallery`: what this prior drew."""
        return self._picture("samples", step, arrays.read_samples)

    # ── whole ──

    def checkpoint(self) -> State | None:
        """What to resume from, None when there is none yet. Raises RunError when it is damaged or newer."""
        return self._whole(self.checkpoint_path, arrays.read_state)

    @property
    def checkpoint_path(self) -> Path:
        return self.path / "checkpoint.safetensors"

    @property
    def model_path(self) -> Path:
        """A prior's own copy of the frozen model whose codes it learns: the weights as `model.*`, in a State's form."""
        return self.path / "model.safetensors"

    def model_state(self) -> State | None:
        """What `model_path` holds; None for the run of a model. Raises RunError when it is damaged or newer."""
        return self._whole(self.model_path, arrays.read_state)

    @property
    def codes_path(self) -> Path:
        return self.path / "codes.npz"

    def codes(self) -> CodeSet | None:
        """The codes that this prior learns; None before it starts, and for the run of a model. Raises RunError as `checkpoint`."""
        return self._whole(self.codes_path, arrays.read_codes)

    # ── inner ──

    def check_there(self) -> None:
        if not self.path.is_dir():
            raise RunError(f"Run {self.id} is no longer there: it was deleted, or its folder {self.path} was moved.")

    def steps_of(self, part: str) -> list[int]:
        try:
            names = [path.stem for path in (self.path / part).iterdir() if path.suffix == ".npz"]
        except OSError:
            self.check_there()
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def _whole(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(path)
        except FileNotFoundError:
            self.check_there()
            return None

    def _picture(self, part: str, step: int | None, read: Callable[[Path], T]) -> T | None:
        for candidate in [step] if step is not None else reversed(self.steps_of(part)):
            try:
                return read(self.path / part / f"{candidate}.npz")
            except FileNotFoundError:  # thinned meanwhile
                continue
            except DamagedError:
                if step is not None:
                    raise
        self.check_there()
        return None
