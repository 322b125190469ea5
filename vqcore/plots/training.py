"""The curves of one run, from its records. Steps are training steps; losses and errors are as recorded, without unit unless named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vqcore.plots.figure import FONT_SIZE, GREY, LEGEND, RUN_COLOURS, Curve, Figure, Mark, axis, lines, log_axis
from vqcore.records import TERM_COLOURS, TERM_TITLES, Evaluation, Step

E_COLOUR = TERM_COLOURS["codebook"]  # the codes' side and the encoder's side keep the colours of the terms that move them
Z_COLOUR = TERM_COLOURS["commitment"]


def _steps_axis(last: float) -> dict[str, object]:
    # the same on every chart of a run, whatever marks stand at its end
    end = 1.02 * max(last, 1)
    return axis("Training step", autorangeoptions={"include": [0, end], "clipmin": 0, "clipmax": end})


def loss_curves(steps: Sequence[Step], evaluations: Sequence[Evaluation] = (), marks: Sequence[Mark] = ()) -> Figure:
    """The loss and its unweighted terms while training (lines) and on validation data (diamonds), on a log axis.

    With gradient learning the codebook and the commitment term are the same number; the dashes let both be seen.
    """
    x = [record.step for record in steps]
    names = [name for name in (steps[-1].terms if steps else ()) if name in TERM_COLOURS]
    curves = [Curve(TERM_TITLES["loss"], x, [record.loss for record in steps], TERM_COLOURS["loss"], width=4)]
    for name in names:
        values = [record.terms.get(name, float("nan")) for record in steps]
        curves.append(Curve(TERM_TITLES[name], x, values, TERM_COLOURS[name], dash="dash" if name == "commitment" else "solid"))
    if evaluations:
        at = [record.step for record in evaluations]
        curves.append(Curve("Validation", at, [record.loss for record in evaluations], TERM_COLOURS["loss"], markers=True))
    # two columns, on a telephone too
    legend = LEGEND | {"entrywidth": 0.5, "entrywidthmode": "fraction", "x": -0.08, "font": {"size": FONT_SIZE - 3}}
    return lines(curves, x=_steps_axis(_last(curves)), y=log_axis("Loss", 4), name="Loss curves", marks=marks, legend=legend)


def errors(evaluations: Sequence[Evaluation], marks: Sequence[Mark] = ()) -> Figure:
    """The frozen model's NMSE on validation data, on a log axis, above the line of answering with the mean picture."""
    at = [record.step for record in evaluations]
    curves = [
        Curve("Mean picture", at, [record.nmse_mean_picture for record in evaluations], GREY, dash="dot"),
        Curve("This model", at, [record.nmse for record in evaluations], TERM_COLOURS["reconstruction"], width=3.5),
    ]
    return lines(curves, x=_steps_axis(_last(curves)), y=log_axis("NMSE"), name="Error", marks=marks)


def codes_used(
    steps: Sequence[Step], evaluations: Sequence[Evaluation] = (), *, K: int, book: int = 0, marks: Sequence[Mark] = ()
) -> Figure:
    """How many of the K codes are in use: within the last epoch, and ever; frozen on validation data as diamonds."""
    x = [record.step for record in steps]
    curves = [
        Curve("Ever", x, _of(steps, book, lambda entry: entry.used_ever), RUN_COLOURS[5], dash="dash"),
        Curve("Last epoch", x, _of(steps, book, lambda entry: entry.used_epoch), RUN_COLOURS[0], width=3.5),
        *_validation(evaluations, book, lambda entry: entry.used, RUN_COLOURS[0]),
    ]
    return _counted(curves, "Codes used", f"All {K}", K, marks)


def perplexities(
    steps: Sequence[Step], evaluations: Sequence[Evaluation] = (), *, K: int, book: int = 0, marks: Sequence[Mark] = ()
) -> Figure:
    """Perplexity (in codes, 1 to K) of one training batch, which depends on its size, and of the frozen model on validation data."""
    x = [record.step for record in steps]
    at = [record.step for record in evaluations]
    curves = [
        Curve("One batch", x, _of(steps, book, lambda entry: entry.batch_perplexity), RUN_COLOURS[4]),
        Curve("Validation, frozen model", at, _of(evaluations, book, lambda entry: entry.perplexity), RUN_COLOURS[0], width=3.5),
    ]
    return _counted(curves, "Perplexity (codes)", f"All {K}", K, marks)


def norms(steps: Sequence[Step], *, book: int = 0, marks: Sequence[Mark] = ()) -> Figure:
    """Mean length of the encoder's outputs, |z_e|, and of the codes, |e_k|, on one log axis: do they drift apart?"""
    x = [record.step for record in steps]
    curves = [
        Curve("|z<sub>e</sub>| encoder", x, [record.z_norm for record in steps], Z_COLOUR),
        Curve("|e<sub>k</sub>| codes", x, _of(steps, book, lambda entry: entry.e_norm), E_COLOUR, dash="dash"),
    ]
    drawn = lines(curves, x=_steps_axis(_last(curves)), y=log_axis("Mean length"), name="Lengths", marks=marks)
    for trace, curve in zip(drawn["data"], curves, strict=True):
        trace["name"] = curve.title  # ours, with its subscripts, so not escaped
    return drawn


DASHES = ("solid", "dash", "dot", "dashdot")
Look = tuple[str, str]  # a curve's colour and dash


def looks(own: Sequence[str]) -> list[Look]:
    """A colour and a dash for each run, no two alike: its own colour where it has one elsewhere, "" where it may have any."""
    free = [(colour, dash) for dash in DASHES for colour in RUN_COLOURS]
    given: dict[int, Look] = {}
    for i in sorted(range(len(own)), key=lambda i: not own[i]):  # those with a colour of their own choose first
        given[i] = next((look for look in free if not own[i] or look[0] == own[i]), free[0] if free else (RUN_COLOURS[0], DASHES[0]))
        free = [look for look in free if look != given[i]]
    return [given[i] for i in range(len(own))]


def compare(
    runs: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, y_title: str, log: bool = False, own: Sequence[str] = ()
) -> Figure:
    """One curve a run: its title → (steps, values). `own`: the runs' colours, as for `looks`.

    The page says which is which, once for all its charts: a legend of nine names would leave no room for the curves.
    """
    curves = [
        Curve(title, x, y, colour, dash=dash)
        for (title, (x, y)), (colour, dash) in zip(runs.items(), looks(own or [""] * len(runs)), strict=True)
    ]
    y_axis = log_axis(y_title) if log else axis(y_title, rangemode="tozero")
    return lines(curves, x=_steps_axis(_last(curves)), y=y_axis, name=y_title, showlegend=False)


def _last(curves: Sequence[Curve]) -> float:
    return max((curve.x[-1] for curve in curves if len(curve.x)), default=0)


def _of(records: Sequence[Step] | Sequence[Evaluation], book: int, value: Callable[..., float]) -> list[float]:
    return [value(record.books[book]) if book < len(record.books) else float("nan") for record in records]


def _validation(evaluations: Sequence[Evaluation], book: int, value: Callable[..., float], colour: str) -> list[Curve]:
    if not evaluations:
        return []
    return [Curve("Validation", [record.step for record in evaluations], _of(evaluations, book, value), colour, markers=True)]


def _counted(curves: Sequence[Curve], title: str, top: str, K: int, marks: Sequence[Mark]) -> Figure:
    """From 0 to K, with K as a dotted line: the height of the axis means the same all through the run."""
    drawn = lines(curves, x=_steps_axis(_last(curves)), y=axis(title, range=[0, K * 1.15]), name=title, marks=marks)
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": K, "y1": K, "line": {"color": GREY, "width": 1.5, "dash": "dot"}}
    drawn["layout"]["shapes"].append(line | {"label": {"text": top, "textposition": "start", "yanchor": "bottom", "font": {"size": 12}}})
    return drawn
