"""The lines that look into a trained model: one image on its way, one code, the message of an image, an edited grid; a diagnosis.

For Inside, Codes, Bits, Paint and Collapse. Axes: M codes an example, H W C a picture's, K codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.clinic.diagnosis import Diagnosis
from vqcore.config.needs import Need, met
from vqcore.records import BookSnapshot, Gallery
from vqcore.runs.analysis import checkpoint_stamp
from vqcore.runs.folder import RunFolder
from vqcore.snippets.snippet import LINES, Snippet, imports, literal, opened
from vqcore.usage import nearest

NEIGHBOURS = 5
# what each of them needs of a run: screens ask before they show one
NEEDS: dict[str, tuple[Need, ...]] = {
    "inside": ("pictures", "codes"),
    "code": ("codes",),
    "drawn": ("pictures", "one book"),
    "message": ("one book",),
}
_FOLDER = ("pathlib:Path", "vqcore.runs.folder:RunFolder")


def inside(run: RunFolder, gallery: Gallery, image: int) -> Snippet:
    """Image number `image` of a gallery of pictures: through the model where that is the checkpoint's, else as it was kept."""
    if (stamp := checkpoint_stamp(run)) is not None and stamp.step == gallery.step:
        return _through(run, gallery, image)
    code = f"""
gallery = {opened(run)}.gallery({gallery.step})
x, x_hat = gallery.inputs[{image}], gallery.reconstructions[{image}]  # uint8 (H, W, C)
index = gallery.indices[0][{image}]
error = ((x.astype(float) - x_hat) ** 2).mean() / 255**2
print(index)
print(f"squared error {{error:.4f}}, different codes {{len(np.unique(index))}} of {{index.size}}")
"""
    note = f"From what was kept at step {gallery.step:,}: the weights of then are gone."
    return _snippet("Look at this image", code, "numpy as np", *_FOLDER, prints=_image(gallery, image), note=note)


def _through(run: RunFolder, gallery: Gallery, image: int) -> Snippet:
    code = f"""
loaded = load_model({opened(run)})
row = validation_order(loaded.dataset)[{image}]
x = torch.from_numpy(loaded.dataset.x[[row]])  # as stored, (1, C, H, W)
indices = loaded.model.indices(to_model(x))  # a grid (1, h, w) for each codebook
x_hat = loaded.model.decode_indices(indices)
index = indices[0][0].numpy()
error = ((drawable(x).astype(float) - drawable(x_hat)) ** 2).mean() / 255**2
print(index)
print(f"squared error {{error:.4f}}, different codes {{len(np.unique(index))}} of {{index.size}}")
"""
    names = (
        "pathlib:Path",
        "numpy as np",
        "torch",
        "vqcore.analysis.load:load_model",
        "vqcore.models.draw:drawable",
        "vqcore.runs.folder:RunFolder",
        "vqcore.training.evaluation:to_model",
        "vqcore.training.evaluation:validation_order",
    )
    note = f"Through the checkpoint of step {gallery.step:,}, from left to right."
    return _snippet("Send this image through", code, *names, prints=_image(gallery, image), note=note)


def _image(gallery: Gallery, image: int) -> str:
    index = gallery.indices[0][image]
    error = ((gallery.inputs[image].astype(float) - gallery.reconstructions[image]) ** 2).mean() / 255**2
    return f"{index}\nsquared error {error:.4f}, different codes {len(np.unique(index))} of {index.size}"


def code(run: RunFolder, step: int, book: BookSnapshot, place: int, chosen: int) -> list[Snippet]:
    """Code `chosen` of the book at `place`, as of the snapshot at `step`: its use and neighbours; and what it draws."""
    counts = book.validation_usage
    near = ", ".join(f"{other} at {distance:.3g}" for other, distance in nearest(book.codebook, chosen, NEIGHBOURS))
    lines = f"""
book = {opened(run)}.snapshot({step}).books[{place}]
own, total = book.validation_usage[{chosen}], book.validation_usage.sum()
print(f"chosen for {{own:,}} of {{total:,}} validation cells, age {{book.age[{chosen}]}} steps")
near = nearest(book.codebook, {chosen}, {NEIGHBOURS})
print("nearest codes: " + ", ".join(f"{{other}} at {{distance:.3g}}" for other, distance in near))
"""
    prints = (
        f"chosen for {int(counts[chosen]):,} of {int(counts.sum()):,} validation cells, age {book.age[chosen]} steps\nnearest codes: {near}"
    )
    note = f"From the snapshot at step {step:,}."
    found = [_snippet(f"Use and neighbours of code {chosen}", lines, *_FOLDER, "vqcore.usage:nearest", prints=prints, note=note)]
    if met(NEEDS["drawn"], run.config()) and checkpoint_stamp(run) is not None:
        found.append(_drawn(run, chosen))
    return found


def _drawn(run: RunFolder, chosen: int) -> Snippet:
    lines = f"""
easel = Easel(load_frozen({opened(run)}))
codes = np.full(easel.layout.length, {chosen})  # every cell of the grid the same code
picture = easel.decode(codes)  # uint8 (H, W, C)
Image.fromarray(picture.squeeze()).save("code-{chosen}.png")
print("code-{chosen}.png", picture.shape)
"""
    names = ("numpy as np", "PIL:Image", "vqcore.analysis.easel:Easel", "vqcore.analysis.load:load_frozen")
    note = "Writes the picture of a grid of nothing but this code, by the latest checkpoint."
    return _snippet("What it draws", lines, *_FOLDER, *names, prints="", note=note)


def message(run: RunFolder, gallery: Gallery) -> Snippet:
    """The first image of a gallery, sent as the numbers of its codes."""
    K, index = run.config().books()[0].K, gallery.indices[0][0]
    bits = max(1, (K - 1).bit_length())
    lines = f"""
run = {opened(run)}
index = run.gallery({gallery.step}).indices[0][0]  # one number for each cell
bits = (run.config().books()[0].K - 1).bit_length()  # log2 K, rounded up
message = "".join(f"{{code:0{{bits}}b}}" for code in index.ravel())
print(f"{{index.size}} codes of {{bits}} bits: {{len(message)}} bits")
print(message)
"""
    text = "".join(f"{number:0{bits}b}" for number in index.ravel())
    prints = f"{index.size} codes of {bits} bits: {len(text)} bits\n{text}"
    return _snippet("Write this message", lines, *_FOLDER, prints=prints, note="Each code's number in binary, cell by cell.")


def point(K: int, side: int, nmse: float, cells: int) -> Snippet:
    """The model of this K and grid that comes with the program: its message, and its error over all validation pictures."""
    lines = f"""
path = path_of({K}, {side})
model, dataset = load(path)
index = read({K}, {side}).indices[0]  # one number for each cell of the first picture
bits = ({K} - 1).bit_length()  # log2 K
print(f"{{index.size}} codes of {{bits}} bits: {{index.size * bits}} bits")
print(f"NMSE {{measure(model, dataset).nmse:.4f}}")
"""
    names = ("vqcore.rates.models:load", "vqcore.rates.models:measure", "vqcore.rates.points:path_of", "vqcore.rates.points:read")
    bits = (K - 1).bit_length()
    prints = f"{cells} codes of {bits} bits: {cells * bits} bits\nNMSE {nmse:.4f}"
    note = "Over all validation pictures. The same figure on the same kind of processor; `python -m vqcore.rates` trains all of them anew."
    return _snippet("Measure this model", lines, *names, prints=prints, note=note)


def capacity(K: int, side: int) -> Snippet:
    """The length of a message, whatever it says."""
    lines = f"""
layout = Layout((Grid("codes", K={K}, shape=({side}, {side})),))
print(f"{{np.log2(layout.sizes()).sum():.0f}} bits")  # one log2 K for each cell
"""
    names = ("numpy as np", "vqcore.layout:Grid", "vqcore.layout:Layout")
    return _snippet("Count its bits", lines, *names, prints=f"{side**2 * np.log2(K):.0f} bits", note="M · log2 K; D does not enter.")


def painted(run: RunFolder, before: NDArray[Any], after: NDArray[Any], start: tuple[str, int, int] | None) -> Snippet:
    """A grid (M,) that was changed by hand: what it decodes to, against what was there before.

    `start`: "gallery" or "samples", its step, and the example in it that `before` are the codes of; None: of a drawing, say.
    """
    if start is None:
        begun = f"codes = np.array({literal(before.tolist(), used=17)})"
    else:
        kind, step, image = start
        begun = f"""kept = {opened(run)}.{kind}({step})
codes = easel.layout.join([grid[[{image}]] for grid in kept.{"indices" if kind == "gallery" else "codes"}])[0]"""
    (cells,) = np.nonzero(before != after)
    own = f"codes[{len(before) // 2}] = {int(before[0])}  # any change of yours"
    edit = f"codes[{literal(cells.tolist(), used=6)}] = {literal(after[cells].tolist())}" if len(cells) else own
    told = f"Its {'changed cell' if len(cells) == 1 else f'{len(cells)} changed cells'} against the codes that it began with."
    found = _painted(run, begun, edit, told if len(cells) else "", drawn=start is None)
    if len(found.code.splitlines()) <= LINES:
        return found
    told = "So many cells were changed that a few lines cannot hold them: Save and share keeps the grid."
    return _painted(run, begun, own, told, drawn=start is None)


def _painted(run: RunFolder, begun: str, edit: str, told: str, *, drawn: bool) -> Snippet:
    lines = f"""
easel = Easel(load_frozen({opened(run)}))
{begun}
before = easel.decode(codes)
{edit}
after = easel.decode(codes)
changed = (before != after).any(axis=2)
print(f"{{changed.sum()}} of {{changed.size}} pixels changed")
"""
    names = ["vqcore.analysis.easel:Easel", "vqcore.analysis.load:load_frozen", *_FOLDER, *(["numpy as np"] if drawn else [])]
    return _snippet("Decode this grid", lines, *names, prints="", note=told)


def diagnosed(run: RunFolder, found: Diagnosis | None, book: int = 0) -> Snippet:
    """What is wrong with the run's codebook at that place."""
    lines = f"""
found = examine({opened(run)}{f", {book}" if book else ""})
print(found.pattern)
for finding in found.findings:
    print("-", finding.text)
"""
    prints = "" if found is None else _told(found.pattern, [finding.text for finding in found.findings])
    note = "Computed from what the run recorded, as of its latest snapshot."
    return _snippet("Diagnose it", lines, *_FOLDER, "vqcore.clinic.examine:examine", prints=prints, note=note)


def _told(pattern: str, findings: Sequence[str]) -> str:
    return "\n".join([pattern, *(f"- {text}" for text in findings)])


def _snippet(title: str, lines: str, *names: str, prints: str, note: str) -> Snippet:
    return Snippet(title, f"{imports(*names)}\n{lines}", prints, note)
