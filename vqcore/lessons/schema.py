"""What a lesson is: a question, a prediction, acts on real screens, a check computed from what was done, an explanation. No torch.

Lessons are data (`assets/lessons/*.json`), read by `loader`. A check names acts of its lesson; `checks` computes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from vqcore.config.base import Config
from vqcore.config.needs import Need, refusal
from vqcore.config.run import RunConfig
from vqcore.errors import VQError
from vqcore.glossary import GLOSSARY
from vqcore.lessons.bases import base
from vqcore.lessons.controls import known

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Sentence = Annotated[str, Field(min_length=10, max_length=600)]


class Prediction(Config):
    """What the student commits to before acting. `right` is the index of the choice that the check will bear out."""

    asks: Sentence
    choices: tuple[str, ...] = Field(min_length=2, max_length=5)
    right: int = Field(ge=0)

    @model_validator(mode="after")
    def _right_is_a_choice(self) -> Self:
        if self.right >= len(self.choices) or len(set(self.choices)) < len(self.choices):
            raise ValueError(f"'right' must be the index of one of {len(self.choices)} different choices")
        return self


class Act(Config):
    """One thing to do: on `screen`, as `do` says. With `start`, a run of that base (`bases.BASES`) and `changes`, called `name`.

    `hide` names what the screen leaves out (`controls`).
    """

    key: Key
    screen: Key
    do: Sentence
    name: str = Field("", max_length=60)
    start: str = ""
    changes: Mapping[str, Any] = Field(default_factory=dict)
    seed: int = Field(0, ge=0, le=2**31 - 1)
    hide: tuple[str, ...] = ()

    @field_validator("hide")
    @classmethod
    def _can_be_hidden(cls, hide: tuple[str, ...]) -> tuple[str, ...]:
        if strange := [name for name in hide if not known(name)]:
            raise ValueError(f"nothing is called {', '.join(strange)}")
        return hide

    @model_validator(mode="after")
    def _config_is_one(self) -> Self:
        try:
            config = self.config
        except VQError as error:
            raise ValueError(str(error)) from None
        if config is None and (self.changes or self.name):
            raise ValueError("changes and a name need 'start', the configuration to start from")
        if config is not None and not self.name:
            raise ValueError("a run needs a 'name'")
        return self

    @property
    def config(self) -> RunConfig | None:
        """The run to start; None for an act without one."""
        return base(self.start).edited({**self.changes, "train.seed": self.seed}) if self.start else None


class _Check(Config):
    needs: ClassVar[tuple[Need, ...]] = ("one book",)  # of the runs that it reads

    @property
    def acts(self) -> tuple[str, ...]:
        """The keys of the acts whose runs it needs."""
        return tuple(getattr(self, name) for name in ("run", "other", "third") if getattr(self, name, ""))


class FewPictures(_Check):
    """All reconstructions of the run are at most K different pictures, one a code."""

    needs = ("pictures", "one book")
    kind: Literal["few_pictures"]
    run: Key


class CopiedGradient(_Check):
    """On the microscope: the gradient at z_e was the decoder's own, copied; and was not once it was rotated."""

    needs = ()
    kind: Literal["copied_gradient"]


class EqualTerms(_Check):
    """Codebook and commitment term are the same number at every point of the run, and the reconstruction term fell."""

    needs = ("learned codes",)
    kind: Literal["equal_terms"]
    run: Key


class Runaway(_Check):
    """In `run` |z_e| ends at least `times` as long as the codes and at most half of them are in use; in `other` neither."""

    needs = ("one book", "learned codes")
    kind: Literal["runaway"]
    run: Key
    other: Key
    times: float = Field(100.0, gt=1)


class Cured(_Check):
    """Runs of `run` were collapsed, then treated in `ways` different ways, each of which brought the codes back."""

    needs = ("one book", "learned codes")
    kind: Literal["cured"]
    run: Key
    ways: int = Field(3, ge=1, le=5)
    before: float = Field(0.25, gt=0, lt=1)  # share of K in use at most
    after: float = Field(0.9, gt=0, le=1)  # and at least


class SameBits(_Check):
    """`other` has more numbers a code than `run` and the same bits an image; `third` has more codes, and more bits."""

    kind: Literal["same_bits"]
    run: Key
    other: Key
    third: Key


class CountedFew(_Check):
    """The batch perplexity of `run` lies under that of `other` by `times`; over all validation data both are alike."""

    kind: Literal["counted_few"]
    run: Key
    other: Key
    times: float = Field(1.5, gt=1)


class Ladder(_Check):
    """A prior that sees its neighbours, over the codes of `run`, needs fewer bits than the histograms, and they than log2 K."""

    needs = ("codes",)
    kind: Literal["ladder"]
    run: Key


class Unmoved(_Check):
    """In `run` and in `other`, codes that were never chosen are where they started, exactly; chosen ones are not."""

    needs = ("one book", "learned codes")
    kind: Literal["unmoved"]
    run: Key
    other: Key


class LeftBehind(_Check):
    """The encoder of `run` walked `times` the distance to its nearest codes in its first steps; `other`, of as many steps, starts its
    codes later and uses at least `more` times as many of them.
    """

    kind: Literal["left_behind"]
    run: Key
    other: Key
    times: float = Field(5.0, gt=1)
    more: float = Field(1.5, gt=1)


class Shuffled(_Check):
    """A saved grid of `run` has the codes of one of its pictures, as often, and most of them in other cells."""

    needs = ("pictures", "grid", "one book")
    kind: Literal["shuffled"]
    run: Key


Check = Annotated[
    FewPictures | CopiedGradient | EqualTerms | Runaway | Cured | SameBits | CountedFew | Ladder | Unmoved | LeftBehind | Shuffled,
    Field(discriminator="kind"),
]


class Lesson(Config):
    """`after` tells what was to be seen and why; `words` are entries of the glossary that it uses."""

    schema_version: Literal[1]
    number: int = Field(ge=1, le=99)
    title: str = Field(min_length=3, max_length=60)
    minutes: int = Field(ge=1, le=30)
    question: Sentence
    prediction: Prediction
    acts: tuple[Act, ...] = Field(min_length=1, max_length=5)
    check: Check
    after: tuple[Sentence, ...] = Field(min_length=1, max_length=4)
    words: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        keys = [act.key for act in self.acts]
        if len(set(keys)) < len(keys):
            raise ValueError(f"two acts share a key: {', '.join(keys)}")
        for name in self.check.acts:
            if name not in keys:
                raise ValueError(f"the check needs an act {name!r}; there are: {', '.join(keys)}")
            config = self.act(name).config
            if config is None:
                raise ValueError(f"the check reads a run of act {name!r}, which starts none")
            if found := refusal(f"the check {self.check.kind!r} of act {name!r}", self.check.needs, config):
                raise ValueError(found.sentence)
        if strange := [word for word in self.words if word not in GLOSSARY]:
            raise ValueError(f"not in the glossary: {', '.join(strange)}")
        return self

    def act(self, key: str) -> Act:
        """Raises KeyError."""
        found = {act.key: act for act in self.acts}
        return found[key]
