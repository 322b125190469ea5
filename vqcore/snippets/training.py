"""The lines that train a run anew, or ask its checkpoint for the figures that it ended with. For Train, Collapse and Priors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.control import Command
from vqcore.records import Evaluation, Event, PriorEvaluation
from vqcore.runs.analysis import checkpoint_stamp
from vqcore.runs.folder import RunFolder
from vqcore.runs.treatments import commands
from vqcore.snippets.snippet import LINES, WIDTH, Snippet, imports, literal, opened, written

_FOLDER = ("pathlib:Path", "vqcore.runs.folder:RunFolder")
_TRAINING = ("vqcore.data.registry:load", "vqcore.records:Evaluation", "vqcore.training.trainer:Trainer")
_REPEATS = "With a fixed number of threads the same processor gives the same figures, bit for bit."
_ABOUT = "This run shared its threads with others (train.threads is auto), so that last digits may differ."


def of_model(run: RunFolder, config: RunConfig, events: Sequence[Event], last: Evaluation | None) -> list[Snippet]:
    """For the run of a model: train it anew, treatments and all; look at its checkpoint. `config` as started, `last` evaluation or None."""
    found = [anew("Train it anew", config, _line(last), commands(events), run)]
    if (stamp := checkpoint_stamp(run)) is not None:
        known = last if last is not None and last.complete and last.step == stamp.step else None
        code = f"""
loaded = load_model({opened(run)})
found = loaded.evaluation()
book = found.books[0]
print(f"step {{found.step}}: NMSE {{found.nmse:.4f}}, codes used {{book.used}} of {{book.K}}")
"""
        note = f"Its checkpoint of step {stamp.step:,}, over all validation data."
        found.append(_snippet("Measure its checkpoint", code, *_FOLDER, "vqcore.analysis.load:load_model", prints=_line(known), note=note))
    return found


def anew(
    title: str, config: RunConfig, prints: str, planned: Mapping[int, Sequence[Command]] | None = None, run: RunFolder | None = None
) -> Snippet:
    """Train a model from nothing, with the commands that came on the way. `prints`: its last line, "" when nobody knows it.

    Settings and commands too many for a few lines are read from the folder of `run`.
    """
    planned = planned or {}
    names: tuple[str, ...] = ("vqcore.control:Command", "vqcore.control:Planned") if planned else ("vqcore.control:NoControl",)
    begun = f"config = {written(config)}\n" + (f"control = {_planned(planned)}\n" if planned else "")
    found = _anew(title, begun, ("vqcore.config.run:RunConfig", *names), "control" if planned else "NoControl()", prints, config)
    if run is None or len(found.code.strip().splitlines()) <= LINES:
        return found
    names = (*_FOLDER, "vqcore.control:Planned", "vqcore.runs.treatments:commands")
    begun = f"run = {opened(run)}\nconfig, control = run.config(), Planned(commands(run.events().records))\n"
    return _anew(title, begun, names, "control", prints, config)


def _anew(title: str, begun: str, names: tuple[str, ...], control: str, prints: str, config: RunConfig) -> Snippet:
    code = f"""
{begun}for record in Trainer(config, load(config.data)).run({control}):
    if isinstance(record, Evaluation):
        book = record.books[0]
        print(f"step {{record.step}}: NMSE {{record.nmse:.4f}}, codes used {{book.used}} of {{book.K}}")
"""
    return _snippet(title, code, *_TRAINING, *names, prints=prints, note=_repeats(config))


def of_pair(config: RunConfig, sides: Sequence[tuple[str, RunFolder, Sequence[Event], Evaluation | None]]) -> Snippet:
    """Two runs of one configuration, each a title, its folder, what was done to it, and its last evaluation."""
    planned = {title: commands(events) for title, _, events, _ in sides}
    arms = "".join(f"    {literal(title)}: {_planned(plan, 4)},\n" for title, plan in planned.items())
    names = ["vqcore.config.run:RunConfig", *(["vqcore.control:Command"] if any(planned.values()) else [])]
    found = _pair(f"config = {written(config)}\narms = {{\n{arms}}}\n", names, config, sides)
    if len(found.code.strip().splitlines()) <= LINES:
        return found
    folders = "".join(f"    {literal(title)}: {opened(run)},\n" for title, run, _, _ in sides)
    begun = f"""runs = {{
{folders}}}
config = next(iter(runs.values())).config()
arms = {{name: Planned(commands(run.events().records)) for name, run in runs.items()}}
"""
    return _pair(begun, [*_FOLDER, "vqcore.runs.treatments:commands"], config, sides)


def _pair(
    begun: str, names: Sequence[str], config: RunConfig, sides: Sequence[tuple[str, RunFolder, Sequence[Event], Evaluation | None]]
) -> Snippet:
    code = f"""
{begun}for name, control in arms.items():
    records = Trainer(config, load(config.data)).run(control)
    last = [record for record in records if isinstance(record, Evaluation)][-1]
    print(f"{{name}}: NMSE {{last.nmse:.4f}}, codes used {{last.books[0].used}} of {{last.books[0].K}}")
"""
    lines = [
        f"{title}: NMSE {last.nmse:.4f}, codes used {last.books[0].used} of {last.books[0].K}"
        for title, _, _, last in sides
        if last is not None and last.books
    ]
    prints = "\n".join(lines) if len(lines) == len(sides) else ""
    return _snippet("Train both anew", code, *_TRAINING, *names, "vqcore.control:Planned", prints=prints, note=_repeats(config))


def of_prior(run: RunFolder, config: PriorRunConfig, events: Sequence[Event], last: PriorEvaluation | None) -> list[Snippet]:
    """For the run of a prior, which holds the model and its codes."""
    control, names = "NoControl()", ["vqcore.control:NoControl"]
    if commands(events):
        control = "Planned(commands(run.events().records))"
        names = ["vqcore.control:Planned", "vqcore.runs.treatments:commands"]
    code = f"""
# the run of a prior holds the frozen model and its codes
run = {opened(run)}
trainer = PriorTrainer(run.config(), run.codes(), load_frozen(run).model)
for record in trainer.run({control}):
    if isinstance(record, PriorEvaluation):
        print(f"step {{record.step}}: {{record.bits:.3f}} bits per code, {{record.bits_per_image:.0f}} per image")
"""
    names += ["vqcore.analysis.load:load_frozen", "vqcore.records:PriorEvaluation", "vqcore.training.prior_trainer:PriorTrainer"]
    prints = f"step {last.step}: {last.bits:.3f} bits per code, {last.bits_per_image:.0f} per image" if last is not None else ""
    found = [_snippet("Train it anew", code, *_FOLDER, *names, prints=prints, note=_repeats(config))]
    if (stamp := checkpoint_stamp(run)) is not None:
        known = last if last is not None and last.complete and last.step == stamp.step else None
        code = f"""
loaded = load_prior({opened(run)})
codes = loaded.codes
bits = surprise(loaded.prior, codes.validation, codes.validation_labels)  # (V, M)
print(f"{{bits.mean():.2f}} bits per code, {{bits.sum(axis=1).mean():.0f}} per image")
"""
        prints = "" if known is None else f"{known.bits:.2f} bits per code, {known.bits_per_image:.0f} per image"
        note = f"Its checkpoint of step {stamp.step:,}, over all validation codes."
        names = ["vqcore.analysis.load:load_prior", "vqcore.priors.sampling:surprise"]
        found.append(_snippet("Measure its checkpoint", code, *_FOLDER, *names, prints=prints, note=note))
    return found


def _snippet(title: str, code: str, *names: str, prints: str, note: str) -> Snippet:
    return Snippet(title, f"{imports(*names)}\n{code}", prints, note)


def _line(found: Evaluation | None) -> str:
    if found is None or not found.books:
        return ""
    return line(found.step, found.nmse, found.books[0].used, found.books[0].K)


def line(step: int, nmse: float, used: int, K: int) -> str:
    """What `anew` prints of an evaluation."""
    return f"step {step}: NMSE {nmse:.4f}, codes used {used} of {K}"


def _repeats(config: RunConfig) -> str:
    return _ABOUT if config.train.threads == "auto" else _REPEATS


def _planned(planned: Mapping[int, Sequence[Command]], indent: int = 0) -> str:
    """The control that gives these commands at their steps."""
    given = [f"{step}: [{', '.join(_command(one) for one in several)}]" for step, several in planned.items()]
    flat = f"Planned({{{', '.join(given)}}})"
    if indent + len(flat) < WIDTH - 20:
        return flat
    inner = " " * (indent + 4)
    return "Planned({\n" + "".join(f"{inner}{one},\n" for one in given) + " " * indent + "})"


def _command(command: Command) -> str:
    changes = f", changes={literal(dict(command.changes))}" if command.changes else ""
    steps = f", steps={command.steps}" if command.kind == "late" else ""
    return f'Command("{command.kind}"{steps}{changes})'
