"""From options to a configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vqcore.cli.paths import refuse_prior
from vqcore.config.presets import PRESETS
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import ConfigError
from vqcore.jsontext import parse_json, parse_value
from vqcore.sweeps.spec import SweepSpec, parse_arms, parse_vary, short


def build_config(
    preset: str | None,
    file: Path | None,
    changes: Sequence[str],
    steps: int | None,
    device: str | None = None,
    say: Callable[[str], None] = lambda note: None,
) -> tuple[RunConfig, str]:
    """The configuration that the options ask for, and a title for it. `say` hears what another kind had no place for.

    Raises ConfigError.
    """
    if (preset is None) == (file is None):
        raise ConfigError(f"Give either --preset or --config. Presets: {', '.join(PRESETS)}.")
    if preset is not None:
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset {preset!r}. There are: {', '.join(PRESETS)}.")
        config, title = PRESETS[preset].config, PRESETS[preset].title
    else:
        assert file is not None
        config, title = _read_config(file), file.stem
    edits = parse_changes(changes, steps, device)
    if edits:
        config, notes = config.edited_aloud(edits)
        for note in notes:
            say(note)
    return config, title


def build_sweep(
    preset: str | None,
    file: Path | None,
    changes: Sequence[str],
    steps: int | None,
    vary: Sequence[str],
    arms: Sequence[str],
    seeds: int,
    say: Callable[[str], None] = lambda note: None,
) -> tuple[SweepSpec, str]:
    """The sweep that the options ask for, its seeds counted from the base's on, and a title for it. `say` as in `build_config`.

    Raises ConfigError.
    """
    base, title = build_config(preset, file, changes, steps, say=say)
    axes = [parse_vary(text) for text in vary] + ([parse_arms(arms)] if arms else [])
    if not axes and seeds == 1:
        raise ConfigError("Nothing is varied: give --vary PATH=VALUE,VALUE, --arm, or --seeds.")
    first = base.train.seed
    spec = SweepSpec.parse({"base": base, "axes": axes, "seeds": range(first, first + seeds)})
    for point in spec.points():  # which says now what cannot be run
        if point.seed == first:
            for note in base.edited_aloud(point.changes)[1]:
                say(f"{', '.join(point.levels)}: {note}")
    return spec, f"{title}: {', '.join(short(axis.name) for axis in axes) or 'seeds'}"


def parse_changes(changes: Sequence[str], steps: int | None, device: str | None = None) -> dict[str, Any]:
    """What --set, --steps and --device ask for: dotted path → value. Raises ConfigError for what is asked twice."""
    edits = dict(parse_change(text) for text in changes)
    for option, path, value in (("--steps", "train.steps", steps), ("--device", "train.device", device)):
        if value is not None:
            if path in edits:
                raise ConfigError(f"Give {option} or --set {path}=…, not both.")
            edits[path] = value
    return edits


def parse_change(text: str) -> tuple[str, Any]:
    """`model.quantizer.K=64` → ("model.quantizer.K", 64). What is no JSON is text. Raises ConfigError without a `=`."""
    path, sign, value = text.partition("=")
    path = path.strip()
    if not sign or not path:
        raise ConfigError(f"--set {text}: expected PATH=VALUE, as in model.quantizer.K=64.")
    return path, parse_value(value)


def _read_config(file: Path) -> RunConfig:
    try:
        data = parse_json(file.expanduser().read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}). --config takes a JSON file.") from None
    except ValueError as error:
        raise ConfigError(f"{file}: not JSON ({error}).") from None
    try:
        config = RunConfig.parse(data)
    except ConfigError as error:
        raise ConfigError(f"{file}:\n{error}") from None
    if isinstance(config, PriorRunConfig):
        raise refuse_prior(file, config.prior.kind, config.parent.run)
    return config
