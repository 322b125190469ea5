"""What may be done to a collapsed run while it trains. Each is a change of settings, an act on the codes, or both in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from vqcore.config.needs import Need
from vqcore.config.run import RunConfig
from vqcore.control import Command

Act = Literal["revive", "kmeans", "late"]
LATE_STEPS = 50  # without quantising; 20 keep fewer codes, 200 are no better (digits, K = 1,024, three seeds)


@dataclass(frozen=True, slots=True)
class Treatment:
    """`what` says in two sentences what it does, `source` where it comes from.

    `needs`: what a run must have for it to do anything.
    `changes` gives, for the run's present configuration, the settings to change (dotted path → value; none for a pure act);
    `command` is what is done to the codes after that.
    """

    title: str
    what: str
    source: str
    changes: Callable[[RunConfig], dict[str, Any]]
    command: Act | None = None
    needs: tuple[Need, ...] = ("learned codes",)

    def commands(self, config: RunConfig) -> tuple[Command, ...]:
        """What to send to a run of `config`, in this order. Their ids, authors and names are the sender's to set.

        Settings that already are as the treatment wants them are not sent again; none are left when it changes nothing, nor where
        `why_not` says that nothing can be done.
        """
        if why_not(config):
            return ()
        changes = {path: value for path, value in self.changes(config).items() if config.at(path) != value}
        settings = (Command("treat", changes=changes),) if changes else ()
        steps = LATE_STEPS if self.command == "late" else 1
        return settings + ((Command(self.command, steps=steps),) if self.command else ())


def _nothing(config: RunConfig) -> dict[str, Any]:
    return {}


def _set(**changes: Any) -> Callable[[RunConfig], dict[str, Any]]:
    """The same settings for every codebook that is learned."""
    return lambda config: {f"{path}.{name}": value for path in config.learners() for name, value in changes.items()}


def why_not(config: RunConfig) -> str:
    """Why no treatment can do anything to such a run, in a sentence; "" when one can."""
    return (
        "" if config.learners() else "Nothing learns the codes of this model, so there is nothing to treat: they are where a rule put them."
    )


TREATMENTS: dict[str, Treatment] = {
    "revive": Treatment(
        "Revive now",
        "Every dead code is put onto an output of the encoder, once. Settings stay as they are, so what killed it may kill it again.",
        "Random restarts: Jukebox, arXiv:2005.00341 §3.1",
        _nothing,
        "revive",
    ),
    "kmeans": Treatment(
        "k-means now",
        "All codes, living ones too, are replaced by the centres of the encoder's outputs as they are now. The decoder must learn the "
        "new codes, so the error jumps first.",
        "k-means start: SoundStream, arXiv:2107.03312 §III-C; given mid-run here",
        _nothing,
        "kmeans",
    ),
    "late": Treatment(
        "Begin anew, late",
        f"For {LATE_STEPS} steps nothing is quantised, so that the encoder settles; then all codes start anew, as they did at the "
        "beginning. It cures codes that the encoder walked away from, not codes that start far from the data, for they start there again; "
        "with β = 0 codes come back, but the error stays high.",
        "codes that start late: arXiv:2005.08520; given mid-run here",
        _nothing,
        "late",
    ),
    "ema": Treatment(
        "Learn by moving average (EMA)",
        "From now on each code is the running average of the vectors that it wins. Codes then keep up with the encoder, but one that "
        "wins nothing still does not move.",
        "VQ-VAE, arXiv:1711.00937, appendix A.1",
        _set(learning="ema", ema_decay=0.95),
    ),
    "l2": Treatment(
        "Compare directions (l2), then revive",
        "Codes and encoder outputs are scaled to length 1 before they are compared, so that no code can lie too far out. Dead codes are "
        "then put onto outputs of the encoder.",
        "ViT-VQGAN, arXiv:2110.04627 §3.2; reviving after it: this project",
        _set(distance="l2"),
        "revive",
    ),
    "rotation": Treatment(
        "Rotate the gradient",
        "The decoder's gradient is turned from the code onto the encoder's output instead of being copied. The encoder then learns "
        "where in its cell it is.",
        "Rotation trick, arXiv:2410.06424",
        _set(estimator="rotation"),
    ),
    "beta": Treatment(
        "Set β to 0.25, then revive",
        "The commitment term pulls the encoder's outputs back to their codes. Dead codes are then put onto outputs of the encoder.",
        "VQ-VAE, arXiv:1711.00937 §3.2, for β",
        _set(commitment_weight=0.25),
        "revive",
    ),
    "lr": Treatment(
        "Learning rate to 0.002, then revive",
        "Smaller steps let codes follow the encoder. Dead codes are then put onto outputs of the encoder.",
        "this project",
        lambda config: {"train.lr": 2e-3},
        "revive",
    ),
    "revival": Treatment(
        "Keep reviving",
        "From now on, whenever a code's share of the vectors falls under a tenth of the mean, it is put onto an output of the encoder. "
        "Full usage is then enforced: look at each code's age and at the error, too.",
        "Jukebox, arXiv:2005.00341 §3.1; threshold by EMA count: this project",
        _set(revival_threshold=0.1),
    ),
}
