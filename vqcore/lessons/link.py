"""A screen's state as a short token for a link: page, configuration, seed, lesson, hidden controls. No torch.

The token holds a check sum over everything in it, so that a lost or changed letter is noticed; it has one spelling only. The sum is no
signature: whoever makes a token with this module makes a valid one. It needs none, as nothing in it is trusted: a configuration is
validated like one that was typed, pages and controls must exist, and a link never deletes or starts anything.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import ConfigError, LessonError, LinkError
from vqcore.jsontext import parse_json
from vqcore.lessons.bases import BASES, base, differences
from vqcore.lessons.controls import known
from vqcore.lessons.loader import lesson as lesson_of
from vqcore.lessons.schema import Act

VERSION = 1
LONGEST = 2_000  # letters of a token; browsers and QR codes bear about that
_CONTENT = 16_384  # bytes of an unpacked one
_SUM = 6  # bytes
# what tokens are full of. Part of version 1: another list is another version
_COMMON = (
    b'"train.threads":"train.device":"cpu","train.precision":"float32","train.schedule":"cosine","train.evaluate_every":'
    b'"train.batch_size":"train.speed_limit":"train.lr":0.00"train.steps":"model.downsampling":"vector","model.net":"mlp","model.hidden":'
    b'"model.residual_blocks":"model.reconstruction":"bce""data.binarise":true"data":{"kind":"'
    b'"model.quantizer.revival_threshold":0.1"model.quantizer.ema_decay":0.9"model.quantizer.learning":"ema""model.quantizer.distance":"l2"'
    b'"model.quantizer.estimator":"rotation""model.quantizer.commitment_weight":0.0"model.quantizer.init_scale":3.0'
    b'"model.quantizer.init":"kmeans""normal""data""model.quantizer.D":"model.quantizer.K":"treatments","customise","presets","runs"],'
    b'"preset.digits","lesson.grid","lesson.one",{},null,"train","codes","collapse","snap"'
)


@dataclass(frozen=True, slots=True)
class State:
    """What a link carries. `base` and `changes` describe a configuration ("" for none, or for that of the lesson's `act`).

    `seed` replaces the configuration's, None keeps it. `hidden` are names of `controls`. `projector`: one chart, large type.
    """

    page: str
    base: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    lesson: str = ""
    act: str = ""
    hidden: tuple[str, ...] = ()
    projector: bool = False

    @property
    def config(self) -> RunConfig | None:
        """The configuration that it describes, None when it describes none. Raises ConfigError, LessonError."""
        start = base(self.base) if self.base else _act(self).config if self.act else None
        if start is None:
            return None
        return start.edited({**self.changes, **({} if self.seed is None else {"train.seed": self.seed})})


def of_config(
    page: str, config: RunConfig, *, lesson: str = "", act: str = "", hidden: tuple[str, ...] = (), projector: bool = False
) -> State:
    """The state of a page with this configuration, written from the base that needs the fewest words. Raises LinkError for a prior's."""
    if isinstance(config, PriorRunConfig):
        raise LinkError("A prior's run depends on another run: link to the run itself, with its address.")
    plain = {name: differences(entry.edited({"train.seed": config.train.seed}), config) for name, entry in BASES.items()}
    name = min(plain, key=lambda name: len(json.dumps(plain[name])))
    return State(page, name, plain[name], config.train.seed, lesson, act, hidden, projector)


def of_act(lesson: str, act: str, *, projector: bool = False) -> State:
    """The state in which an act of a lesson begins. Raises LessonError when there is none."""
    state = State("", lesson=lesson, act=act)
    found = _act(state)
    return State(found.screen, lesson=lesson, act=act, hidden=found.hide, projector=projector)


def encode(state: State) -> str:
    """Letters, digits, - and _. Raises LinkError for a state that is too large, or that `decode` would refuse."""
    _checked(state, None)
    content = [state.page, state.base, dict(state.changes), state.seed, state.lesson, state.act, list(state.hidden), int(state.projector)]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_COMMON)
    body = bytes([VERSION]) + packer.compress(text) + packer.flush()
    token = _letters(body + hashlib.sha256(body).digest()[:_SUM])
    if len(token) > LONGEST or len(text) > _CONTENT:
        raise LinkError(f"This state takes {len(token):,} letters; a link has room for {LONGEST:,}. Change fewer settings.")
    return token


def decode(token: str, pages: Collection[str]) -> State:
    """The state of a token, whose page must be one of `pages`. Raises LinkError that says what is wrong, and nothing else."""
    state = _content(_body(token))
    _checked(state, pages)
    return state


def _letters(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _altered() -> LinkError:
    return LinkError("This link is not whole, or was changed on its way. Copy it again, or scan the code again; the page opens as usual.")


def _body(token: str) -> bytes:
    """What the check sum is taken over, the version less."""
    if len(token) > LONGEST:
        raise _altered()
    try:
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):  # which UnicodeEncodeError is
        raise _altered() from None
    body, found = raw[:-_SUM], raw[-_SUM:]
    # a last letter may hold bits that mean nothing: only one spelling counts
    if len(body) < 2 or hashlib.sha256(body).digest()[:_SUM] != found or _letters(raw) != token:
        raise _altered()
    if body[0] != VERSION:
        raise LinkError(
            f"This link is of version {body[0]}; this program reads version {VERSION}. Update it to open the link; the page opens as usual."
        )
    return body[1:]


def _content(packed: bytes) -> State:
    try:
        unpacker = zlib.decompressobj(-15, zdict=_COMMON)
        text = unpacker.decompress(packed, _CONTENT)
        content = parse_json(text)
    except (zlib.error, ValueError):
        raise _altered() from None
    if unpacker.unconsumed_tail or not unpacker.eof or not isinstance(content, list) or len(content) != 8:
        raise _altered()
    page, start, changes, seed, lesson, act, hidden, projector = content
    texts = all(isinstance(text, str) for text in (page, start, lesson, act))
    lists = isinstance(hidden, list) and all(isinstance(name, str) for name in hidden)
    whole = seed is None or (isinstance(seed, int) and not isinstance(seed, bool))
    if not (texts and lists and whole and isinstance(changes, dict) and projector in (0, 1)):
        raise _altered()
    return State(page, start, changes, seed, lesson, act, tuple(hidden), bool(projector))


def _checked(state: State, pages: Collection[str] | None) -> None:
    """Raises LinkError for what this program does not have. `pages`: None, whoever makes the link is on one."""
    if pages is not None and state.page not in pages:
        raise LinkError(f"This link leads to a page {state.page[:40]!r}, which this program does not have. {_newer()}")
    if strange := [name for name in state.hidden if not known(name)]:
        raise LinkError(f"This link hides {strange[0][:60]!r}, which no page has. {_newer()}")
    if not state.base and (state.changes or (state.seed is not None and not state.act)):
        raise LinkError("This link changes settings and does not say of which configuration. Make it anew.")
    if state.act and not state.lesson:
        raise LinkError("This link names a part of a lesson and not the lesson. Make it anew.")
    try:
        if state.lesson:
            lesson_of(state.lesson)
        if state.act:
            _act(state)
        state.config  # noqa: B018 - raises for what cannot be run
    except LessonError as error:
        raise LinkError(f"This link cannot be opened here. {error} {_newer()}") from None
    except ConfigError as error:
        raise LinkError(f"The settings of this link cannot be trained; the page opens as usual.\n{error}") from None


def _newer() -> str:
    return "It may come from another version; the page opens as usual."


def _act(state: State) -> Act:
    """Raises LessonError."""
    found = lesson_of(state.lesson)
    try:
        return found.act(state.act)
    except KeyError:
        keys = ", ".join(act.key for act in found.acts)
        raise LessonError(f"The lesson {state.lesson!r} has no part {state.act[:40]!r}; it has: {keys}.") from None
