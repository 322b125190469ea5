"""Edits at dotted paths: other kinds, places in lists, and what they say."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from vqcore.config.base import Config
from vqcore.config.presets import PRESETS
from vqcore.config.prior import HistogramConfig, PixelCNNConfig, TransformerConfig
from vqcore.config.run import Parent, PriorRunConfig, RunConfig
from vqcore.errors import ConfigError
from vqcore.lessons.bases import differences


class Small(Config):
    kind: Literal["small"] = "small"
    K: int = Field(8, le=16)
    weight: float = 0.5


class Large(Config):
    kind: Literal["large"] = "large"
    K: int = Field(512, ge=64)
    weight: float = 1.0
    inner: Annotated[Small | Large, Field(discriminator="kind")] = Field(default_factory=Small)


class Whole(Config):
    kind: Literal["whole"] = "whole"
    book: Annotated[Small | Large, Field(discriminator="kind")] = Field(default_factory=Small)
    stages: tuple[Annotated[Small | Large, Field(discriminator="kind")], ...] = (Small(), Small(K=4))
    sizes: tuple[int, ...] = (8, 5, 5)


def test_another_kind_starts_from_its_defaults_and_keeps_what_is_valid_there() -> None:
    large, notes = Whole(book=Small(K=12, weight=0.7)).edited_aloud({"book.kind": "large"})
    assert large.book == Large(weight=0.7)
    assert notes == ("book is large now, which has no place for K = 12.",)


def test_defaults_that_are_left_out_are_not_worth_a_word() -> None:
    assert Whole().edited_aloud({"book.kind": "large"})[1] == ()


@pytest.mark.parametrize("order", [1, -1])
def test_kinds_change_before_their_fields_whatever_the_order(order: int) -> None:
    changes = {"book.kind": "large", "book.inner.kind": "large", "book.K": 100, "book.inner.K": 200}
    edited = Whole().edited(dict(list(changes.items())[::order]))
    assert edited.book == Large(K=100, weight=0.5, inner=Large(K=200, weight=0.5))


def test_the_same_kind_changes_nothing() -> None:
    whole = Whole(book=Small(K=3))
    assert whole.edited({"book.kind": "small"}) == whole


def test_a_place_in_a_list() -> None:
    edited = Whole().edited({"stages.1.K": 7, "sizes.0": 9, "stages.0.kind": "large"})
    assert edited.stages == (Large(weight=0.5), Small(K=7))
    assert edited.sizes == (9, 5, 5)
    assert (edited.at("stages.1.K"), edited.at("sizes.2")) == (7, 5)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("stages.2.K", 7, r"stages\.2\.K: there is no place '2' in this list\. There are 2, counted from 0\."),
        ("sizes.x", 7, r"no place 'x' in this list"),
        ("sizes.-1", 7, r"no place '-1' in this list"),
        ("book.kind", "huge", r"book\.kind: there is no kind 'huge'\. There are: large, small\."),
        ("book.J", 3, r"there is no 'J' in this configuration\. There are: K, kind, weight\."),
        ("book.K.x", 3, r"there is no 'K' in this configuration"),
        ("book.K", 99, r"book.*K: .*less than or equal to 16"),
    ],
)
def test_what_has_no_place_is_said(path: str, value: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Whole().edited({path: value})


def test_runs_change_their_data() -> None:
    digits = PRESETS["digits"].config
    photos = digits.edited({"data.kind": "photos"})
    assert photos.data == PRESETS["photos"].config.data
    assert photos.model == digits.model
    back, notes = photos.edited({"data.patches": 300}).edited_aloud({"data.kind": "digits"})
    assert back == digits
    assert notes == ("data is digits now, which has no place for patches = 300.",)
    with pytest.raises(ConfigError, match="rings are points"):
        digits.edited({"data.kind": "rings"})
    assert digits.edited({"data.kind": "rings", "model.downsampling": "vector"}).data.kind == "rings"


def test_priors_change_their_kind() -> None:
    run = PriorRunConfig(parent=Parent(run="x", checkpoint="0" * 12), prior=PixelCNNConfig(hidden=20, dropout=0.3, conditional=True))
    other, notes = run.edited_aloud({"prior.kind": "transformer"})
    assert other.prior == TransformerConfig(layers=6, dropout=0.3, conditional=True)
    assert notes == ("prior is transformer now, which has no place for hidden = 20.",)
    assert run.edited({"prior.kind": "histogram"}).prior == HistogramConfig(conditional=True)


def test_a_link_carries_another_kind() -> None:
    old = RunConfig()
    new = old.edited({"data.kind": "shapes", "data.count": 999})
    assert old.edited(differences(old, new)) == new
