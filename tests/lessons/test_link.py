"""A link carries a state there and back, and says so when it was altered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError, LinkError
from vqcore.lessons import link
from vqcore.lessons.bases import BASES
from vqcore.lessons.controls import PARTS
from vqcore.lessons.link import State, decode, encode, of_act, of_config
from vqcore.lessons.loader import lessons

PAGES = ("train", "snap", "codes", "priors", "paint", "lessons")
SETTINGS: dict[str, Any] = {
    "model.quantizer.K": st.integers(2, 4096),
    "model.quantizer.D": st.integers(1, 64),
    "model.quantizer.learning": st.sampled_from(["gradient", "ema"]),
    "model.quantizer.commitment_weight": st.floats(0, 100),
    "train.lr": st.floats(1e-7, 1),
    "train.steps": st.integers(1, 10**6),
    "train.batch_size": st.integers(1, 4096),
    "data.binarise": st.booleans(),
}
PARTS_OF_LESSONS = [(key, act.key) for key, lesson in lessons().items() for act in lesson.acts]


def has(base: str, path: str) -> bool:
    """Whether that configuration has such a setting: K and D are of one codebook, for example."""
    try:
        BASES[base].at(path)
    except ConfigError:
        return False
    return True


def changes_of(base: str) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sets(st.sampled_from(sorted(name for name in SETTINGS if has(base, name))))
    return names.flatmap(lambda found: st.fixed_dictionaries({name: SETTINGS[name] for name in found}))


hidden = st.lists(st.sampled_from([*PARTS, *SETTINGS]), unique=True, max_size=5).map(tuple)
seeds = st.integers(0, 2**31 - 1)
with_settings = st.sampled_from(sorted(BASES)).flatmap(
    lambda base: st.builds(
        State,
        page=st.sampled_from(PAGES),
        base=st.just(base),
        changes=changes_of(base),
        seed=st.none() | seeds,
        lesson=st.sampled_from(["", *lessons()]),
        hidden=hidden,
        projector=st.booleans(),
    )
)
of_lessons = st.builds(
    lambda part, page, hidden, projector: State(page, lesson=part[0], act=part[1], hidden=hidden, projector=projector),
    st.sampled_from(PARTS_OF_LESSONS),
    st.sampled_from(PAGES),
    hidden,
    st.booleans(),
)
states = with_settings | of_lessons


@given(states)
def test_there_and_back(state: State) -> None:
    token = encode(state)
    assert token.replace("-", "").replace("_", "").isalnum() and token.isascii()
    back = decode(token, PAGES)
    assert back == state and back.config == state.config


@given(with_settings.filter(lambda state: state.config is not None))
def test_a_configuration_there_and_back(state: State) -> None:
    config = state.config
    assert isinstance(config, RunConfig)
    again = of_config("train", config, hidden=state.hidden)
    assert decode(encode(again), PAGES).config == config
    assert len(encode(again)) <= len(encode(State("train", state.base, state.changes, config.train.seed, hidden=state.hidden))) + 4


@given(states, st.data())
def test_an_altered_link_is_noticed(state: State, data: st.DataObject) -> None:
    token = encode(state)
    at = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from("ABCDEFabcdef0123456789-_").filter(lambda letter: letter != token[at]))
    with pytest.raises(LinkError, match="not whole"):
        decode(token[:at] + letter + token[at + 1 :], PAGES)
    with pytest.raises(LinkError, match="not whole"):
        decode(token[:at], PAGES)
    with pytest.raises(LinkError, match="not whole"):
        decode(token + letter, PAGES)


@given(st.text() | st.text(alphabet="ABCabc012-_=", max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    with pytest.raises(LinkError):
        decode(text, PAGES)


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_well_made_link_to_nonsense_is_refused(content: Any) -> None:
    with pytest.raises(LinkError):
        decode(forged(content), PAGES)
    with pytest.raises(LinkError):
        decode(forged(["train", "lesson.one", {"model.quantizer.K": content, "x": 1}, None, "", "", [], 0]), PAGES)


def forged(content: Any, version: int = 1) -> str:
    """A token with a right check sum, whatever is in it."""
    import hashlib
    import json
    import zlib

    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=link._COMMON)
    body = bytes([version]) + packer.compress(json.dumps(content).encode()) + packer.flush()
    return link._letters(body + hashlib.sha256(body).digest()[: link._SUM])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (["cellar", "", {}, None, "", "", [], 0], "page 'cellar'"),
        (["train", "", {}, None, "alchemy", "", [], 0], "no lesson called 'alchemy'"),
        (["train", "", {}, None, "snap", "last", [], 0], "has no part 'last'"),
        (["train", "", {}, None, "", "one", [], 0], "not the lesson"),
        (["train", "preset.gold", {}, None, "", "", [], 0], "'preset.gold'"),
        (["train", "", {"train.steps": 5}, None, "", "", [], 0], "of which configuration"),
        (["train", "", {}, 3, "", "", [], 0], "of which configuration"),
        (["train", "lesson.one", {"model.quantizer.k": 5}, None, "", "", [], 0], "there is no 'k'"),
        (["train", "lesson.one", {"model.quantizer.K": 1}, None, "", "", [], 0], "model.quantizer.K"),
        (["train", "lesson.one", {}, -1, "", "", [], 0], "train.seed"),
        (["train", "lesson.one", {}, None, "", "", ["everything"], 0], "hides 'everything'"),
        (["train", "lesson.one", {}, True, "", "", [], 0], "not whole"),
        (["train", "lesson.one", {}, None, "", "", [], 7], "not whole"),
        (["train", "lesson.one", {}, None, "", ""], "not whole"),
    ],
)
def test_what_is_not_there_is_named(content: Any, told: str) -> None:
    with pytest.raises(LinkError, match=told):
        decode(forged(content), PAGES)


def test_a_newer_version_is_named() -> None:
    with pytest.raises(LinkError, match="of version 2"):
        decode(forged(["train", "", {}, None, "", "", [], 0], version=2), PAGES)


def test_a_bomb_is_not_unpacked() -> None:
    with pytest.raises(LinkError, match="not whole"):
        decode(forged(["train", "lesson.one", {"x": "0" * 10**6}, None, "", "", [], 0]), PAGES)
    with pytest.raises(LinkError, match="room for"):
        encode(State("train", "lesson.one", {}, hidden=tuple(["model.quantizer.K", "train.lr"] * 4_000)))


@pytest.mark.parametrize(("key", "act"), PARTS_OF_LESSONS)
def test_a_link_to_a_lesson_is_short_and_has_its_state(key: str, act: str) -> None:
    told = lessons()[key].act(act)
    token = encode(of_act(key, act))
    assert len(token) <= 80
    state = decode(token, [told.screen])
    assert (state.lesson, state.act, state.page, state.hidden) == (key, act, told.screen, told.hide)
    assert state.config == told.config


def test_a_seed_of_ones_own_goes_into_a_lesson() -> None:
    state = State("train", lesson="snap", act="one", seed=7)
    config = decode(encode(state), PAGES).config
    assert config is not None and config.train.seed == 7
