"""The commands and their options. What they do is in the modules beside this one, imported on use so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from vqcore.cli.console import console, tolerate_encodings
from vqcore.errors import VQError

EXIT_MISSING = 1  # doctor found something that is needed and is not there
EXIT_ERROR = 2  # a VQError, as for a wrong option
EXIT_INTERRUPTED = 130  # what shells report for Ctrl-C

app = typer.Typer(
    name="vqcore",
    help="Train and look at vector-quantised autoencoders, without the pages.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@contextmanager
def _errors_said() -> Iterator[None]:
    """An error that is meant for people becomes one message on stderr."""
    try:
        yield
    except VQError as error:
        console(stderr=True).print(f"Error: {error}", style="red")
        raise typer.Exit(EXIT_ERROR) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None


@app.command()
def train(
    preset: Annotated[str | None, typer.Option(help="A named run that is good as it is. A wrong name lists them.")] = None,
    config: Annotated[Path | None, typer.Option(help="A configuration as a JSON file, for instance a run's config.json.")] = None,
    resume: Annotated[str | None, typer.Option(help="Resume this run, given by its id or its folder, from its last checkpoint.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace one value, as in model.quantizer.K=64. May be given several times."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps; short for --set train.steps=N.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; short for --set train.device=NAME.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where run folders go. Otherwise VQ_RUNS, else ./runs.")] = None,
    name: Annotated[str, typer.Option(help="What the run is called in tables. Otherwise the preset's title, or the file's name.")] = "",
) -> None:
    """Train a model. The run appears on the pages while it goes. Ctrl-C stops it so that it can be resumed.

    With --resume, --set changes what may change on the way: a wrong path lists it.
    """
    from vqcore.cli import train as command
    from vqcore.cli.configuration import build_config, parse_changes

    with _errors_said():
        if resume is not None:
            if preset or config or out or name:
                reason = "a resumed run keeps its folder and its name: only --set, --steps and --device go with it."
                raise typer.BadParameter(reason, param_hint="--resume")
            code = command.resume(resume, parse_changes(changes or [], steps, device))
        else:
            built, title = build_config(preset, config, changes or [], steps, device, console(stderr=True).print)
            code = command.start(built, out=out, name=name or title, preset=preset or "")
    raise typer.Exit(code)


@app.command()
def prior(
    run: Annotated[str, typer.Option(help="The run whose codes are learnt: its id or its folder. A prior's stands for its model.")],
    prior: Annotated[str, typer.Option(help="What kind of prior. A wrong name lists them.")] = "pixelcnn",
    steps: Annotated[int | None, typer.Option(help="Training steps; short for --set train.steps=N.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; short for --set train.device=NAME.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where run folders go. Otherwise VQ_RUNS, else ./runs.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Replace one value, as in prior.hidden=128. May be given several times."),
    ] = None,
    conditional: Annotated[bool, typer.Option("--conditional", help="Learn one distribution for each label of the data.")] = False,
    name: Annotated[str, typer.Option(help="What the run is called in tables. Otherwise its kind and its model's name.")] = "",
) -> None:
    """Train a prior over the codes of a trained model. It is a run like any other: watch it on the pages, resume it with `train`."""
    from vqcore.cli import prior as command
    from vqcore.cli.configuration import parse_changes

    with _errors_said():
        edits = parse_changes(changes or [], steps, device)
        code = command.start(run, prior, edits, out=out, conditional=conditional, name=name)
    raise typer.Exit(code)


@app.command()
def sample(
    run: Annotated[str, typer.Option(help="A prior's run: its id or its folder.")],
    out: Annotated[Path, typer.Option(help="Where to write: .png is a sheet of pictures, .npz the grids of codes.")],
    n: Annotated[int, typer.Option("--n", min=1, max=100_000, help="How many samples.")] = 64,
    temperature: Annotated[float, typer.Option(help="Above 0; 1 draws from what was learnt, less prefers likely codes.")] = 1.0,
    top_k: Annotated[int, typer.Option("--top-k", min=0, help="Only that many of the likeliest codes of each cell; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same samples.")] = 0,
    label: Annotated[str, typer.Option(help="For a prior that is given labels: which, by its name or number. Otherwise all in turn.")] = "",
) -> None:
    """Draw new pictures from a trained prior."""
    from vqcore.cli import sample as command

    with _errors_said():
        command.run(run, n=n, out=out, temperature=temperature, top_k=top_k, seed=seed, label=label)


@app.command()
def sweep(
    preset: Annotated[str | None, typer.Option(help="The run that is varied: a named one. A wrong name lists them.")] = None,
    config: Annotated[Path | None, typer.Option(help="The run that is varied: a configuration as a JSON file.")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=VALUES", help="Values to try, as in model.quantizer.D=4,16,64. Several: every combination."),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:PATH=VALUE,…", help="A named set of changes to compare, as in 'l2: model.quantizer.distance=l2'."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="How many seeds each combination is trained with.")] = 1,
    changes: Annotated[
        list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Replace one value in all runs, as in train.threads=1.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Training steps of each run; short for --set train.steps=N.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where run folders go. Otherwise VQ_RUNS, else ./runs.")] = None,
    title: Annotated[str, typer.Option(help="What the sweep is called in tables.")] = "",
    export: Annotated[Path | None, typer.Option(help="Write all results to this JSON file at the end.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with this sweep: its id, or its file. Finished runs are kept.")] = None,
) -> None:
    """Train the same run with other settings and seeds, and compare. Ctrl-C keeps what is done; --resume goes on."""
    from vqcore.cli import sweep as command
    from vqcore.cli.configuration import build_sweep

    with _errors_said():
        if resume is not None:
            if preset or config or vary or arm or changes or title or steps is not None or seeds != 1:
                raise typer.BadParameter("a resumed sweep keeps its settings: only --out and --export go with it.", param_hint="--resume")
            code = command.resume(resume, out=out, export=export)
        else:
            spec, base = build_sweep(preset, config, changes or [], steps, vary or [], arm or [], seeds, console(stderr=True).print)
            code = command.start(spec, out=out, title=title or base, export=export)
    raise typer.Exit(code)


@app.command()
def doctor() -> None:
    """Check devices, versions, data, the runs folder and the engine, and say how to put right what is wrong."""
    from vqcore.cli import doctor as command

    with _errors_said():
        if not command.run():
            raise typer.Exit(EXIT_MISSING)


@app.command()
def bench(
    json: Annotated[bool, typer.Option("--json", help="Print JSON, with everything that a figure depends on.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: seconds instead of minutes. Not for figures.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, max=256, help="Processor threads. Otherwise torch's own choice.")] = None,
) -> None:
    """Time the nearest-code lookup against vector-quantize-pytorch's, and a training step against a plain loop."""
    from vqcore.cli import bench as command

    with _errors_said():
        command.run(as_json=json, quick=quick, threads=threads)


def main() -> None:
    """Run the command line and leave with its exit code."""
    tolerate_encodings()
    try:
        app(prog_name="python -m vqcore")
    except BrokenPipeError:
        # the reader of a pipe has gone, as in `… | head`: nothing to say, and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_INTERRUPTED) from None
