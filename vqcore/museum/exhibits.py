"""Five bugs that were really made, what each does to the plots, and where it was found. No torch: the bugs themselves are in `bugs`.

Every exhibit is one small run twice, from the same seed, weights and batches: once with the package's quantizer, once with the bug.
What `signs` says of a pair holds on short runs of several seeds: the tests train them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.museum.trial import Pair, Trial

_PLAIN = RunConfig(
    data=DigitsConfig(),
    model=VQVAEConfig(quantizer=VQConfig(K=16, D=2, init="data"), downsampling="vector", net="mlp", hidden=128, residual_blocks=1),
    train=TrainConfig(
        steps=240,
        batch_size=64,
        lr=4e-3,
        # pinned, so that everybody gets the same run
        device="cpu",
        precision="float32",
        threads=1,
        record_every=4,
        evaluate_every=40,
        evaluation_images=360,
        checkpoint_every=240,
    ),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A public thread about this bug: "owner/name#12", its address, and in one sentence what it says."""

    name: str
    url: str
    says: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One figure that differs: what it is, of the healthy run and of the buggy one, and whether it speaks for the bug.

    `expected` is what the bug would show, as the end of "it would show …".
    """

    name: str
    healthy: float
    buggy: float
    speaks: bool
    expected: str


@dataclass(frozen=True, slots=True)
class Exhibit:
    """`title` names the bug; `patient` and `symptom` say what one sees and do not give it away; `hints` say where to look, one by one.

    `wrong` and `right` are the line with and without the bug, in PyTorch. `plots` are the series of `Trial` to draw first,
    `gives_away` says which of them gives it away and why it must look so; `lesson` says how to notice it in one's own code.
    """

    title: str
    patient: str
    symptom: str
    wrong: str
    right: str
    plots: tuple[str, ...]
    hints: tuple[str, ...]
    gives_away: str
    lesson: str
    sources: tuple[Source, ...]
    config: RunConfig
    signs: Callable[[Pair], tuple[Sign, ...]]

    def run(self, seed: int) -> RunConfig:
        """Its configuration with that seed."""
        return self.config.edited({"train.seed": seed})

    @property
    def changes(self) -> dict[str, Any]:
        """What its run changes of the museum's plain one: dotted path → value."""
        plain, own = _PLAIN.plain_vq(), self.config.plain_vq()
        return {
            f"model.quantizer.{name}": getattr(own, name) for name in VQConfig.model_fields if getattr(own, name) != getattr(plain, name)
        }


def shown(exhibit: Exhibit, pair: Pair) -> bool:
    """Whether every sign of this pair speaks for the bug."""
    return all(sign.speaks for sign in exhibit.signs(pair))


# ── signs ──


def _last(trial: Trial, name: str) -> float:
    return trial.series[name][-1]


def _moved(pair: Pair) -> Sign:
    """How far the codes are from where they started."""
    healthy, buggy = _last(pair.healthy, "moved"), _last(pair.buggy, "moved")
    return Sign("Way that the codes went, on average", healthy, buggy, buggy == 0 < healthy, "codes that do not move at all")


def _length(pair: Pair, speaks: Callable[[float, float], bool], expected: str) -> Sign:
    """How long the encoder's outputs have become."""
    healthy, buggy = _last(pair.healthy, "z_norm"), _last(pair.buggy, "z_norm")
    return Sign("|z_e| at the end", healthy, buggy, speaks(healthy, buggy), expected)


def _commitment(pair: Pair, times: float) -> Sign:
    healthy, buggy = _last(pair.healthy, "commitment"), _last(pair.buggy, "commitment")
    return Sign("Commitment term at the end", healthy, buggy, buggy > times * healthy, f"more than {times:g} times the commitment term")


def _error(pair: Pair) -> Sign:
    healthy, buggy = pair.healthy.nmse[-1], pair.buggy.nmse[-1]
    return Sign("Error (NMSE) at the end", healthy, buggy, buggy > 1.2 * healthy, "more than 1.2 times the error")


def _used(pair: Pair) -> Sign:
    healthy, buggy = _last(pair.healthy, "used"), _last(pair.buggy, "used")
    return Sign("Codes used at the end", healthy, buggy, buggy <= healthy / 2, "half as many codes in use, or fewer")


def _arrives(pair: Pair, name: str, title: str, *, lost: bool = False) -> Sign:
    """The largest that a gradient was in the whole run: the bug brings it where none belongs, or (`lost`) keeps it from where one does."""
    healthy, buggy = max(pair.healthy.series[name]), max(pair.buggy.series[name])
    speaks = buggy == 0 < healthy if lost else healthy == 0 < buggy
    return Sign(f"{title}, at most", healthy, buggy, speaks, "none at all there" if lost else "one where none belongs")


def _wrong_term(pair: Pair) -> tuple[Sign, ...]:
    return (
        _moved(pair),
        _length(pair, lambda healthy, buggy: healthy > 50 * buggy, "less than a 50th of the length without the bug"),
        _arrives(pair, "book_at_z", "Gradient of the quantizer's loss at z_e"),
    )


def _stale_average(pair: Pair) -> tuple[Sign, ...]:
    healthy, buggy = sum(pair.healthy.series["revived"]), sum(pair.buggy.series["revived"])
    again = _last(pair.healthy, "died_again"), _last(pair.buggy, "died_again")
    return (
        Sign("Revivals in all", healthy, buggy, buggy > 10 * max(1.0, healthy), "more than ten times the revivals"),
        Sign("Codes dead again after revival, at the end", *again, again[1] >= 8 > again[0], "8 or more, and fewer without the bug"),
        _used(pair),
        _error(pair),
    )


def _loss_on_output(pair: Pair) -> tuple[Sign, ...]:
    far = _length(pair, lambda healthy, buggy: buggy > 1_000 * healthy, "more than 1,000 times the length")
    return (_moved(pair), far, _used(pair), _error(pair))


def _no_stop_gradient(pair: Pair) -> tuple[Sign, ...]:
    return (
        _arrives(pair, "picture_at_z", "Gradient of the reconstruction at z_e", lost=True),
        _arrives(pair, "picture_at_codes", "Gradient of the reconstruction at the codes"),
        _error(pair),
    )


def _no_codebook_gradient(pair: Pair) -> tuple[Sign, ...]:
    # it leaves its codes behind without running away for good: the commitment term still pulls
    held = _length(pair, lambda healthy, buggy: math.isfinite(buggy) and buggy < 1_000, "a length under 1,000")
    return (_moved(pair), _commitment(pair, 5.0), held, _error(pair))


def _issue(repository: str, number: int, says: str, *, pull: bool = False) -> Source:
    return Source(f"{repository}#{number}", f"https://github.com/{repository}/{'pull' if pull else 'issues'}/{number}", says)


EXHIBITS: Mapping[str, Exhibit] = {
    "wrong_term": Exhibit(
        title="β on the wrong term",
        patient="The switch that does the opposite",
        symptom="β was set to 0 to see the encoder run away from its codes. The encoder stays, and the codes do not move.",
        wrong="loss = (z.detach() - e).pow(2).mean() * beta + (z - e.detach()).pow(2).mean()",
        right="loss = (z.detach() - e).pow(2).mean() + beta * (z - e.detach()).pow(2).mean()",
        plots=("e_norm", "z_norm", "commitment", "used"),
        hints=(
            "β = 0 switches one pull off. Which of the two lengths does not move at all?",
            "Order “Quantizer loss's gradient at z_e”: with β = 0 nothing of that loss should arrive there.",
        ),
        gives_away="|e_k| is a flat line: with β = 0 nothing moves the codes, so β sits on the term that should move them. Without the bug "
        "β = 0 lets |z_e| climb without end while the codes still move.",
        lesson="Turn a weight to 0 and see which curve reacts: it should be the one that the weight belongs to. At β = 0.25 this bug is "
        "hard to see: Adam hardly minds how the codebook term is scaled, and the encoder is only held four times as tightly.",
        sources=(
            _issue("CompVis/taming-transformers", 46, "Asks whether β is applied to the wrong one of the two terms; it was."),
            _issue(
                "CompVis/taming-transformers",
                57,
                "The same, line by line against the paper; mended behind a switch.",
            ),
        ),
        config=_PLAIN.edited({"model.quantizer.commitment_weight": 0.0}),
        signs=_wrong_term,
    ),
    "stale_average": Exhibit(
        title="EMA state not reset after revival",
        patient="The revolving door",
        symptom="Codes learn by a moving average, and dead ones are revived at every step. Revivals go on and on, and nobody stays.",
        wrong="codebook[dead] = z[chosen]  # next: codebook = ema_sum / ema_count",
        right="codebook[dead] = z[chosen]; ema_sum[dead] = z[chosen] * count; ema_count[dead] = count",
        plots=("revived", "died_again", "used", "e_norm"),
        hints=(
            "Set the revivals beside the codes used: how many of the revived ever count as used?",
            "|e_k| hardly changes, although codes are moved at every step. What might move them back?",
        ),
        gives_away="Revivals never stop, while codes used does not rise. The average's count and sum still remember the old place, and "
        "the update a few lines later puts the code back there. Without the bug the revivals end after a few steps.",
        lesson="Count the codes that are dead again after a revival. A revived code needs all of its state anew: its place, its average, "
        "and the optimiser's moments.",
        sources=(
            _issue(
                "facebookresearch/encodec",
                61,
                "Shows that the expiry of codes has no effect: the running sums overwrite it a few lines later.",
            ),
            _issue(
                "lucidrains/vector-quantize-pytorch",
                45,
                "Asks whether the running sum should be replaced with the code; it was changed so.",
            ),
            _issue("espnet/espnet", 6284, "Mends a replacement of dead codes that was undone in this way.", pull=True),
        ),
        config=_PLAIN.edited(
            {
                "model.quantizer.learning": "ema",
                "model.quantizer.ema_decay": 0.9,
                "model.quantizer.init": "normal",
                "model.quantizer.init_scale": 3.0,
                "model.quantizer.revival_threshold": 0.1,
            }
        ),
        signs=_stale_average,
    ),
    "loss_on_output": Exhibit(
        title="Loss taken on the straight-through output",
        patient="The great escape",
        symptom="The commitment term explodes, although β is an ordinary 0.25. Soon one code does everything.",
        wrong="z_q = z + (e - z).detach(); loss = (z_q - z.detach()).pow(2).mean() + beta * (z - z_q.detach()).pow(2).mean()",
        right="loss = (e - z.detach()).pow(2).mean() + beta * (z - e.detach()).pow(2).mean(); z_q = z + (e - z).detach()",
        plots=("z_norm", "e_norm", "commitment", "used"),
        hints=(
            "One length explodes while the other is flat. A commitment term that pulled would hold |z_e| back: does something push?",
            "Order both gradients of the quantizer's loss: where does the pull that was meant for the codes arrive?",
        ),
        gives_away="|z_e| climbs and |e_k| stands still, both at once. The straight-through output hands its gradient to z_e: the codebook "
        "term, meant to pull codes to z_e, pushes z_e away from its code instead, and with β = 0.25 it is the stronger one.",
        lesson="Take the losses before the straight-through line, on the codes themselves. The two terms show the right values here: only "
        "where their gradients go is wrong.",
        sources=(
            _issue(
                "andylolu2/jax-vqvae-gpt", 2, "The term was computed after the straight-through line; mended, and the models trained anew."
            ),
            _issue("showlab/Olaf-World", 8, "The codebook loss uses the straight-through output, so that the codebook gets no gradient."),
            _issue(
                "lucidrains/vector-quantize-pytorch", 47, "A comment finds codes without a gradient, as they are detached before the loss."
            ),
        ),
        config=_PLAIN,
        signs=_loss_on_output,
    ),
    "no_stop_gradient": Exhibit(
        title="Missing stop-gradient",
        patient="The student who hears nothing",
        symptom="All losses look calm, yet the pictures stay one grey ghost.",
        wrong="z_q = z + (e - z)",
        right="z_q = z + (e - z).detach()",
        plots=("reconstruction", "picture_at_z", "picture_at_codes", "used"),
        hints=(
            "The terms are small and the codes do move. Look at where the reconstruction's gradient arrives.",
            "It should reach z_e, so that the encoder learns, and no code. Where is it 0 throughout?",
        ),
        gives_away="The reconstruction's gradient is exactly 0 at z_e, and not at the codes. Without the stop-gradient z cancels: the "
        "encoder hears nothing of the pictures, and the codes take the gradient that was meant for it.",
        lesson="Ask each gradient where it goes before training: the reconstruction must reach the encoder, and no code.",
        sources=(
            _issue(
                "ritheshkumar95/pytorch-vqvae",
                7,
                "Found in the graph: the reconstruction loss reached the codes. There the encoder kept its copy as well, and the authors "
                "saw little difference.",
            ),
            _issue("zalandoresearch/pytorch-vq-vae", 6, "Asks how the reconstruction reaches the encoder at all: this line is the answer."),
        ),
        config=_PLAIN,
        signs=_no_stop_gradient,
    ),
    "no_codebook_gradient": Exhibit(
        title="Codebook gradient missing",
        patient="Nailed down",
        symptom="The codebook term is part of the loss, and it grows. The error hardly falls.",
        wrong="e = F.embedding(index, codebook).detach()",
        right="e = F.embedding(index, codebook)",
        plots=("e_norm", "codebook", "z_norm", "used"),
        hints=(
            "|e_k| is flat from the first step on. What is meant to move the codes?",
            "Compare |z_e| with the great escape's: here it grows too, and is held after all. So one of the two terms does its work.",
        ),
        gives_away="|e_k| is a flat line from the first step on, under an ordinary β: no code ever moves. The encoder leaves them behind, "
        "and both distances grow, without the endless climb of a term that pushes.",
        lesson="A term in the loss is no proof that it teaches: look at the parameter that it should move.",
        sources=(
            _issue(
                "EdoardoBotta/RQ-VAE-Recommender", 24, "Codebook gradients are None, as the looked-up code is detached before the loss."
            ),
            _issue(
                "lucidrains/vector-quantize-pytorch", 47, "A comment finds a learnable codebook whose gradient is None for the same reason."
            ),
        ),
        config=_PLAIN,
        signs=_no_codebook_gradient,
    ),
}
