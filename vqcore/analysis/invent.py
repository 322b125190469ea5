"""What priors draw, for the light worker: sheets of samples, one sample as it fills, completions, nearest training examples, the game.

Each function takes a run's path, the path where results for a read-only run are kept ("" for a run that can be written), and numbers;
it keeps what `vqcore.runs.invented` reads and returns the result's name. `rung` says whose prior: one that is counted from the run's
codes at once, or (TRAINED) the prior that the run itself trained. All report how far they are and end when that is asked for
(`vqcore.runs.progress`), and then give "" for a name. They raise RunError, DataError, ConfigError, GridError.

Axes: B grids, M codes a grid, K the largest book's codes, N training examples, T candidates a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqcore.analysis import picture
from vqcore.analysis.codes import codes as keep_codes
from vqcore.analysis.load import Frozen, current_stamp, load_frozen, load_prior, one_thread
from vqcore.colours import CodeColours
from vqcore.config.prior import HistogramConfig, UniformConfig
from vqcore.errors import GridError, RunError
from vqcore.priors.base import Prior
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import fill, is_exact, predictions, surprise
from vqcore.runs.analysis import Arrays, name_of, read, write
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import NEAREST, PALETTE, POSITIONS, REDRAWN, TOP, TRAINED, UNIFORM, layout_arrays, tempered
from vqcore.runs.progress import Cancelled, Reporter

GUESSES = 24  # of one game
_REAL = 256  # validation examples whose nearest training examples are looked for
_DRAWN = 8_192  # training examples whose redrawn pictures are compared
_BLOCK = 2**22  # numbers held at once while codes are compared
_TILES = 2_048  # candidates decoded for one filling, at most
_FRAMES = 256

Codes = NDArray[np.int64]
Report = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Subject:
    """Whose codes, and which prior over them. `step`: of the model's checkpoint, or of the prior's for a trained one."""

    prior: Prior
    frozen: Frozen
    codes: CodeSet
    step: int

    def labels(self, wanted: int, count: int, seed: int) -> NDArray[np.int64]:
        """`wanted` for each grid where the prior listens; −1: as often as in training. (count,), −1 for a prior that does not listen."""
        if not self.prior.conditional:
            return np.full(count, -1, dtype=np.int64)
        if wanted >= 0:
            return np.full(count, wanted, dtype=np.int64)
        return np.random.default_rng((seed, 1)).choice(self.codes.train_labels, count)

    def shared(self) -> Arrays:
        """What every result says of the ground it stands on."""
        books = self.frozen.model.codebooks()
        rows = self.codes.layout.split(self.codes.train)
        colours = [
            CodeColours.fit(book.cpu().numpy(), np.bincount(grid.reshape(-1), minlength=len(book)) > 0).codes
            for book, grid in zip(books, rows, strict=True)
        ]
        names = np.array(self.codes.label_names, dtype=np.str_)
        return {"label_names": names, "step": np.array(self.step), **layout_arrays(self.codes.layout, colours)}


def redrawn(run_path: str, scratch_path: str) -> str:
    """The first validation examples as the model redraws them (`Redrawn`)."""

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, UNIFORM, -1)
        rows = subject.codes.validation[:REDRAWN].astype(np.int64)
        labels = subject.codes.validation_labels[:REDRAWN]
        pictures = picture.decoded(subject.frozen.model, subject.codes.layout, rows, report)
        return subject.shared() | {"codes": rows.astype(np.int32), "pictures": pictures, "labels": labels}

    return _kept(run_path, scratch_path, "redrawn", {}, work)


def samples(run_path: str, scratch_path: str, rung: int, number: int, label: int, temperature: float, top_k: int, seed: int) -> str:
    """`number` samples (`Sheet`). `label` −1: labels as often as in training. The same seed gives every rung the same random numbers."""
    settings = _settings(rung, number, label, temperature, top_k, seed)

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, rung, label)
        prior, M = subject.prior, subject.codes.layout.length
        labels = subject.labels(label, number, seed)
        given = labels if prior.conditional else None
        rows: Codes = np.zeros((number, M), dtype=np.int64)
        for filled in fill(prior, rows, None, given, temperature=temperature, top_k=top_k, seed=seed):
            rows = filled.codes
            report(filled.position + 1, M)
        return subject.shared() | {
            "conditional": np.array(prior.conditional),
            "codes": rows.astype(np.int32),
            "pictures": picture.decoded(subject.frozen.model, subject.codes.layout, rows),
            "labels": labels,
            "cell_bits": surprise(prior, rows, given),
            "real_bits": _validation_bits(run, scratch, rung, subject),
        }

    return _kept(run_path, scratch_path, "sheet", settings, work)


def _validation_bits(run: RunFolder, scratch: Path, rung: int, subject: _Subject) -> NDArray[np.float32]:
    """Bits of every validation example, (V,): all of them, as in a prior's own evaluation. Kept, for no sheet's settings change them."""
    name = name_of("validation", current_stamp(run), rung=rung, conditional=int(subject.prior.conditional))
    kept = read(run, scratch, name)
    if kept is not None and "bits" in kept:
        return kept["bits"]
    codes = subject.codes
    bits: NDArray[np.float32] = surprise(subject.prior, codes.validation.astype(np.int64), codes.validation_labels).sum(axis=1)
    write(run, scratch, name, {"bits": bits})
    return bits


def filling(
    run_path: str, scratch_path: str, rung: int, number: int, label: int, temperature: float, top_k: int, seed: int, which: int
) -> str:
    """How sample `which` of a sheet came about, cell by cell (`Filling`)."""
    settings = _settings(rung, number, label, temperature, top_k, seed)

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, rung, label)
        sheet = _sheet(run_path, scratch_path, settings)
        row = sheet["codes"][which].astype(np.int64)
        given = sheet["labels"][which : which + 1] if subject.prior.conditional else None
        p = tempered(predictions(subject.prior, row[None], given)[0], temperature, top_k)  # (M, K)
        M, T = len(row), min(TOP, p.shape[1])
        candidates = np.argsort(-p, axis=1, kind="stable")[:, :T]
        candidates[:, -1] = np.where((candidates == row[:, None]).any(axis=1), candidates[:, -1], row)  # the drawn one is always seen
        model, layout = subject.frozen.model, subject.codes.layout
        blank = picture.commonest(subject.codes)
        positions = np.unique(np.linspace(0, M, min(M + 1, _FRAMES)).round().astype(int))
        frames = picture.decoded(model, layout, picture.partial(row, blank, positions))
        few = M * T <= _TILES
        places = np.arange(M) if few else np.zeros(0, dtype=int)
        tiles = picture.tiles(model, layout, row, blank, places, candidates[places], report)
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = -np.where(p > 0, p * np.log2(p), 0).sum(axis=1)
        return subject.shared() | {
            "codes": row.astype(np.int32),
            "blank": blank.astype(np.int32),
            "cell_bits": sheet["cell_bits"][which],
            "frames": frames,
            "frame_of": np.searchsorted(positions, np.arange(M + 1), side="right") - 1,
            "candidates": candidates.astype(np.int32),
            "chances": np.take_along_axis(p, candidates, axis=1).astype(np.float32),
            "chance": p[np.arange(M), row].astype(np.float32),
            "entropy": entropy.astype(np.float32),
            "tiles": tiles,
        }

    return _kept(run_path, scratch_path, "filling", settings | {"which": which}, work)


def nearest(run_path: str, scratch_path: str, rung: int, number: int, label: int, temperature: float, top_k: int, seed: int) -> str:
    """The training examples nearest to each sample of a sheet, with what is usual for real validation examples (`Nearest`)."""
    settings = _settings(rung, number, label, temperature, top_k, seed)

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, rung, label)
        sheet = _sheet(run_path, scratch_path, settings)
        model, layout = subject.frozen.model, subject.codes.layout
        train, real = subject.codes.train, subject.codes.validation[:_REAL].astype(np.int64)
        N = len(train)
        drawn = np.sort(np.random.default_rng(0).permutation(N)[:_DRAWN])
        total = len(drawn) + len(real)
        pictures = picture.decoded(model, layout, train[drawn].astype(np.int64), lambda done, _: report(done, total))
        reals = picture.decoded(model, layout, real, lambda done, _: report(len(drawn) + done, total))
        agreement, by_codes = _agreeing(sheet["codes"], train, NEAREST)
        distance, by_pixels = _closest(sheet["pictures"], pictures, NEAREST)
        found = train[by_codes.reshape(-1)].astype(np.int64)
        redrawn_codes = picture.decoded(model, layout, found)
        return {
            "agreement": agreement,
            "by_codes_pictures": redrawn_codes.reshape(*by_codes.shape, *redrawn_codes.shape[1:]),
            "distance": distance,
            "by_pixels_pictures": pictures[by_pixels],
            "real_agreement": _agreeing(real, train, 1)[0][:, 0],
            "real_distance": _closest(reals, pictures, 1)[0][:, 0],
            "searched": np.array(N),
            "drawn": np.array(len(drawn)),
        }

    return _kept(run_path, scratch_path, "nearest", settings, work)


def completions(
    run_path: str, scratch_path: str, rung: int, image: int, kept: int, number: int, temperature: float, top_k: int, seed: int
) -> str:
    """Validation example `image` with its first `kept` per cent of rows, and `number` ways to go on (`Completions`)."""
    settings: dict[str, int | float] = {"rung": rung, "image": image, "kept": kept, "number": number}
    settings |= {"temperature": temperature, "top_k": top_k, "seed": seed}

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, rung, -1)
        row, label = _example(subject.codes, image)
        free = _free(subject.codes, kept)
        labels = np.full(number, label) if subject.prior.conditional else None  # its own, for a prior that listens
        rows = np.repeat(row[None], number, axis=0)
        count = int(free.sum())
        for done, filled in enumerate(fill(subject.prior, rows, free, labels, temperature=temperature, top_k=top_k, seed=seed), start=1):
            rows = filled.codes
            report(done, count)
        model, layout = subject.frozen.model, subject.codes.layout
        one = None if labels is None else labels[:1]
        return subject.shared() | {
            "given": ~free,
            "real": picture.decoded(model, layout, row[None])[0],
            "real_codes": row.astype(np.int32),
            "codes": rows.astype(np.int32),
            "pictures": picture.decoded(model, layout, rows),
            "bits": surprise(subject.prior, rows, labels)[:, free].sum(axis=1),
            "real_bits": surprise(subject.prior, row[None], one)[0, free].sum(),
            "exact": np.array(is_exact(free)),
        }

    return _kept(run_path, scratch_path, "completions", settings, work)


def game(run_path: str, scratch_path: str, rung: int, image: int, first: int, seed: int) -> str:
    """Up to GUESSES tiles of validation example `image` to guess, from position `first` on (`Game`)."""

    def work(run: RunFolder, scratch: Path, report: Report) -> Arrays:
        subject = _subject(run, scratch, rung, -1)
        row, label = _example(subject.codes, image)
        layout, model = subject.codes.layout, subject.frozen.model
        if not 0 <= first < layout.length:
            raise GridError(f"Position {first} does not exist: they go from 0 to {layout.length - 1}.")
        places = np.arange(first, min(layout.length, first + GUESSES))
        given = np.array([label]) if subject.prior.conditional else None
        p = predictions(subject.prior, row[None], given)[0]  # (M, K)
        counted = surprise(_counted(POSITIONS, subject.codes, by_label=False), row[None])[0]
        used = [np.unique(grid) for grid in layout.split(subject.codes.train)]
        palette = _palettes(p, places, [used[_book(subject.codes, int(i))] for i in places], np.random.default_rng((seed, image)))
        blank = picture.commonest(subject.codes)
        chances = np.where(palette >= 0, np.take_along_axis(p[places], palette.clip(0), axis=1), 0)
        ends = [*places, int(places[-1]) + 1]
        return subject.shared() | {
            "first": np.array(first),
            "codes": row.astype(np.int32),
            "true": row[places].astype(np.int32),
            "palette": palette.astype(np.int32),
            "tiles": picture.tiles(model, layout, row, blank, places, palette.clip(0), report),
            "chances": chances.astype(np.float32),
            "other": (1 - chances.sum(axis=1)).clip(0, 1).astype(np.float32),
            "bits": surprise(subject.prior, row[None], given)[0, places],
            "counted": counted[places],
            "frames": picture.decoded(model, layout, picture.partial(row, blank, np.array(ends))),
            "real": picture.decoded(model, layout, row[None])[0],
        }

    return _kept(run_path, scratch_path, "game", {"rung": rung, "image": image, "first": first, "seed": seed}, work)


# ---- whose codes, which prior


def _subject(run: RunFolder, scratch: Path, rung: int, label: int) -> _Subject:
    """`label` from 0 on: a counted rung has a histogram for each label."""
    if rung == TRAINED:
        loaded = load_prior(run)
        _needs_pictures(loaded.frozen)
        return _Subject(loaded.prior, loaded.frozen, loaded.codes, loaded.step)
    name = keep_codes(str(run.path), str(scratch) if run.read_only else "")
    kept = read(run, scratch, name)
    if kept is None:
        raise RunError(f"The codes of run {run.id} were computed, yet cannot be read. Try again.")
    codes = CodeSet.of(kept)
    frozen = load_frozen(run)
    _needs_pictures(frozen)
    return _Subject(_counted(rung, codes, by_label=label >= 0 and codes.layout.classes > 0), frozen, codes, codes.step)


def _needs_pictures(frozen: Frozen) -> None:
    if frozen.modality != "image":
        raise RunError("This model's examples are points, not pictures, so that a sheet of samples has nothing to draw.")


def _counted(rung: int, codes: CodeSet, *, by_label: bool) -> Prior:
    """A prior that is complete once it has counted."""
    config = UniformConfig() if rung == UNIFORM else HistogramConfig(per_position=rung == POSITIONS, conditional=by_label)
    prior = build_prior(config, codes.layout)
    prior.fit_(torch.from_numpy(codes.train.astype(np.int64)), torch.from_numpy(codes.train_labels) if by_label else None)
    return prior.eval()


def _example(codes: CodeSet, image: int) -> tuple[Codes, int]:
    """The codes (M,) and the label of a validation example. Raises GridError."""
    if not 0 <= image < len(codes.validation):
        raise GridError(f"Validation example {image} does not exist: they go from 0 to {len(codes.validation) - 1}.")
    return codes.validation[image].astype(np.int64), int(codes.validation_labels[image])


def _free(codes: CodeSet, kept: int) -> NDArray[np.bool_]:
    """Which cells (M,) are drawn anew when the first `kept` per cent of each grid's rows stay. Raises GridError when none are."""
    parts = []
    for grid in codes.layout.grids:
        rows = grid.shape[0] if grid.shape else 1
        stay = min(rows - 1, max(0, round(rows * kept / 100)))
        parts.append(np.arange(grid.cells) >= stay * (grid.cells // rows))
    return np.concatenate(parts)


def _book(codes: CodeSet, position: int) -> int:
    return int(np.searchsorted(codes.layout.starts(), position, side="right")) - 1


def _palettes(p: NDArray[np.float32], places: NDArray[Any], used: list[NDArray[Any]], random: np.random.Generator) -> NDArray[np.int64]:
    """For each place the half of a palette that the prior finds likeliest, filled up with others that occur, shuffled; (P, T)."""
    palette = np.full((len(places), PALETTE), -1, dtype=np.int64)
    for line, place, occurring in zip(palette, places, used, strict=True):
        order = np.argsort(-p[place], kind="stable")
        best = order[p[place, order] > 0][: PALETTE // 2]
        others = np.setdiff1d(occurring, best)
        more = random.permutation(others)[: PALETTE - len(best)]
        chosen = np.concatenate([best, more])
        line[: len(chosen)] = random.permutation(chosen)
    return palette


# ---- comparing


def _agreeing(codes: NDArray[Any], train: NDArray[np.uint16], most: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The training rows that share most codes with each row, and which share that is, (n, most)."""
    most = min(most, len(train))
    share, row = np.zeros((len(codes), most), dtype=np.float32), np.zeros((len(codes), most), dtype=np.int64)
    wide = codes.astype(np.uint16)
    for i, one in enumerate(wide):
        equal = np.count_nonzero(train == one, axis=1)
        row[i] = np.argsort(-equal, kind="stable")[:most]
        share[i] = equal[row[i]] / codes.shape[1]
    return share, row


def _closest(pictures: NDArray[np.uint8], train: NDArray[np.uint8], most: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The training pictures nearest to each, by root mean square difference in [0, 1], (n, most)."""
    a, b = (x.reshape(len(x), -1).astype(np.float32) / 255 for x in (pictures, train))
    most = min(most, len(b))
    distance, row = np.zeros((len(a), most), dtype=np.float32), np.zeros((len(a), most), dtype=np.int64)
    norms = (b**2).sum(axis=1)
    for i, one in enumerate(a):
        square = norms - 2 * (b @ one)
        row[i] = np.argsort(square, kind="stable")[:most]
        # anew for those few: differences of large numbers are coarse
        distance[i] = np.sqrt(((b[row[i]] - one) ** 2).mean(axis=1))
    return distance, row


# ---- keeping


def _settings(rung: int, number: int, label: int, temperature: float, top_k: int, seed: int) -> dict[str, int | float]:
    return {"rung": rung, "number": number, "label": label, "temperature": temperature, "top_k": top_k, "seed": seed}


def _sheet(run_path: str, scratch_path: str, settings: dict[str, Any]) -> Arrays:
    """The sheet that a sample belongs to, drawn now where it is no longer kept."""
    run = RunFolder(Path(run_path), read_only=bool(scratch_path))
    name = samples(run_path, scratch_path, **settings)
    if not name:
        raise Cancelled("Cancelled.")
    sheet = read(run, Path(scratch_path), name)
    if sheet is None:
        raise RunError("The samples were drawn, yet cannot be read. Try again.")
    return sheet


def _kept(
    run_path: str,
    scratch_path: str,
    kind: str,
    settings: dict[str, int | float],
    work: Callable[[RunFolder, Path, Report], Arrays],
) -> str:
    """The name of the result, computed unless it is there; "" when the work was ended, which is no failure for a log."""
    run, scratch = RunFolder(Path(run_path), read_only=bool(scratch_path)), Path(scratch_path)
    name = name_of(kind, current_stamp(run), **settings)
    if read(run, scratch, name) is not None:
        return name
    try:
        with one_thread(), torch.no_grad(), Reporter(run, scratch, name) as report:
            report(0, 0)
            write(run, scratch, name, work(run, scratch, report))
    except Cancelled:
        return ""
    return name
