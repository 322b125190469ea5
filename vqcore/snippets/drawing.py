"""The lines that draw from a prior: a sheet of samples, their bits and those of real images. For Invent and Priors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vqcore.config.prior import AnyPriorConfig
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import TRAINED, Completions, Filling, Nearest, Sheet
from vqcore.snippets.snippet import Snippet, imports, literal, opened

_NAMES = (
    "pathlib:Path",
    "PIL:Image",
    "vqcore.cli.sample:sheet",
    "vqcore.models.draw:draw_codes",
    "vqcore.priors.sampling:sample",
    "vqcore.priors.sampling:surprise",
    "vqcore.runs.folder:RunFolder",
)


def sheet_of(run: RunFolder, config: AnyPriorConfig, settings: Mapping[str, Any], found: Sheet | None) -> Snippet:
    """What `vqcore.analysis.invent.samples` draws under `settings`, from the run's own prior or one that is counted from its codes."""
    number, label, seed = settings["number"], settings["label"], settings["seed"]
    trained = settings["rung"] == TRAINED
    by_label = bool(getattr(config, "conditional", False)) if trained else label >= 0 and config.kind == "histogram"
    if trained:
        begun = f"loaded = load_prior({opened(run)})\nprior, codes, model = loaded.prior, loaded.codes, loaded.frozen.model"
        names = ["vqcore.analysis.load:load_prior"]
    else:
        begun, names = _counted(run, config, by_label=by_label)
    if not by_label:
        labels, given = "", ""
    elif label >= 0:
        labels, given = f"labels = np.full({number}, {label})\n", ", labels=labels"
    else:
        labels = f"labels = np.random.default_rng(({seed}, 1)).choice(codes.train_labels, {number})\n"
        given = ", labels=labels"
    asked = "".join(f", {name}={settings[name]!r}" for name, usual in (("temperature", 1.0), ("top_k", 0)) if settings[name] != usual)
    lines = f"""
{begun}
{labels}rows = sample(prior, {number}{given}{asked}, seed={seed})  # ({number}, M)
pictures = draw_codes(model, codes.layout, rows)  # uint8 ({number}, H, W, C)
Image.fromarray(sheet(pictures).squeeze()).save("samples.png")
real = surprise(prior, codes.validation, codes.validation_labels).sum(axis=1)
print(f"a real image: {{real.mean():.0f}} bits, {{real.mean() / codes.layout.length:.2f}} a code")
"""
    if by_label:
        names.append("numpy as np")
    prints = ""
    if found is not None:
        prints = f"a real image: {found.real:.0f} bits, {found.real / found.ground.layout.length:.2f} a code"
    note = "Draws the same samples, and writes them as samples.png."
    return Snippet("Draw these samples", f"{imports(*_NAMES, *names)}\n{lines}", prints, note)


# what a tab of Invent asks for: title, what its result is called, the lines that print its figure
_BELOW = {
    "filling": ("Fill this sample", "Filling", """print(f"{found.cell_bits.sum():.1f} bits, cell by cell:", found.cell_bits.round(2))"""),
    "completions": ("Complete this image", "Completions", """print("bits:", ", ".join(f"{bits:.0f}" for bits in found.bits))"""),
    "nearest": (
        "Compare these samples with the training images",
        "Nearest",
        """print("equal codes, %:", ", ".join(f"{100 * share:.0f}" for share in found.agreement[:, 0]))""",
    ),
}


def below(run: RunFolder, kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Any] | None) -> Snippet:
    """The question that a tab below the ladder asks, and its figure. `arrays`: the answer as the screen has it."""
    title, result, printing = _BELOW[kind]
    lines = f"""
run, kept = {opened(run)}, Path("kept")  # where results of runs go that are not to be written to
name = {kind}(str(run.path), str(kept), **{literal(dict(settings), used=40)})
found = {result}.of(read(RunFolder(run.path, read_only=True), kept, name))
{printing}
"""
    names = ("pathlib:Path", f"vqcore.analysis.invent:{kind}", "vqcore.runs.analysis:read", f"vqcore.runs.invented:{result}")
    prints = "" if arrays is None else _printed(kind, arrays)
    return Snippet(title, f"{imports(*names, 'vqcore.runs.folder:RunFolder')}\n{lines}", prints, "The same seed draws the same codes.")


def _printed(kind: str, arrays: Mapping[str, Any]) -> str:
    if kind == "filling":
        bits = Filling.of(arrays).cell_bits
        return f"{bits.sum():.1f} bits, cell by cell: {bits.round(2)}"
    if kind == "completions":
        return "bits: " + ", ".join(f"{bits:.0f}" for bits in Completions.of(arrays).bits)
    return "equal codes, %: " + ", ".join(f"{100 * share:.0f}" for share in Nearest.of(arrays).agreement[:, 0])


def _counted(run: RunFolder, config: AnyPriorConfig, *, by_label: bool) -> tuple[str, list[str]]:
    """The lines that make a prior which is complete once it has counted."""
    names = ["torch", "vqcore.analysis.codes:codes_of", "vqcore.priors.registry:build_prior"]
    names += [f"vqcore.config.prior:{type(config).__name__}", "vqcore.analysis.load:load_frozen"]
    changed = config.model_dump(exclude_defaults=True) | ({"conditional": True} if by_label else {})
    given = ", ".join(f"{name}={literal(value)}" for name, value in changed.items())
    fitted = "torch.from_numpy(codes.train_labels)" if by_label else "None"
    lines = f"""run = {opened(run)}
model, codes = load_frozen(run).model, codes_of(run)
prior = build_prior({type(config).__name__}({given}), codes.layout)
prior.fit_(torch.from_numpy(codes.train.astype("int64")), {fitted})"""
    return lines, names
