"""A link opens a screen as it was shared, says so when it cannot, and hides what it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import link, session, share
from pages.ui.screens import SCREENS
from vqcore.config.presets import PRESETS
from vqcore.lessons.controls import PARTS, settings
from vqcore.lessons.link import State, decode, encode, of_act, of_config
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, MAIN, FakeEngine

Finished = Callable[..., RunFolder]
SHARED = PRESETS["digits"].config.edited({"model.quantizer.K": 24, "train.seed": 7, "train.steps": 90})


def arrive(page: str = "", **query: str) -> AppTest:
    """A fresh browser opens an address."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = ADA
    for name, value in query.items():
        at.query_params[name] = value
    if page:
        at.switch_page(f"{page}.py")
    return at.run()


def said(at: AppTest) -> str:
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def keys(at: AppTest) -> set[str]:
    return {node.key for kind in (at.button, at.selectbox, at.toggle, at.text_input, at.button_group) for node in kind if node.key}


def with_hidden(*hidden: str, page: str = "train") -> str:
    return encode(of_config(page, SHARED, hidden=hidden))


# ── there ──


@pytest.mark.parametrize("page", ["", "train", "bits"])
def test_it_opens_the_page_with_configuration_and_seed(store: RunStore, engine: FakeEngine, page: str) -> None:
    at = arrive(page, link=with_hidden())
    assert not at.exception and at.title[0].value == "Train"
    assert "24 codes" in said(at) and "seed 7" in said(at)
    at.switch_page("train.py").run()
    at.button(key="linked_train").click().run()
    (made,) = store.list()
    assert store.get(made.id).config() == SHARED


def test_the_form_begins_with_what_the_link_brought() -> None:
    at = arrive("train", link=with_hidden())
    at.toggle(key="start_own").set_value(True).run()
    assert not at.exception
    assert at.text_input(key="start_form.model.quantizer.K").value == "24"
    assert at.text_input(key="start_form.train.steps").value == "90"


def test_a_newcomer_is_not_left_on_start_alone() -> None:
    at = arrive(link=encode(of_act("bits", "wide")))
    assert at.title[0].value == "Train"
    assert not any("display: none !important" in node.proto.body for node in at.get("html"))
    assert at.button(key="linked_train").disabled and "Predict first" in said(at)
    assert "lessons_choice_bits" in {radio.key for radio in at.radio}


def test_a_lesson_by_name() -> None:
    for page in ("", "lessons", "train"):
        at = arrive(page, lesson="bits")
        assert at.title[0].value == "Lessons" and at.subheader[0].value.startswith("6. ")
    at = arrive(lesson="none")
    assert not at.exception and "There is no lesson called 'none'" in said(at)


def test_a_shared_lesson_opens_and_others_can_be_chosen_after_it() -> None:
    at = arrive(link=encode(State("lessons", lesson="bits")))
    assert at.title[0].value == "Lessons" and at.subheader[0].value.startswith("6. ")
    at.switch_page("lessons.py").run()
    at.button(key="lessons_next").click().run()
    assert at.subheader[0].value.startswith("7. ")


def test_an_open_run_of_the_same_address_stays_open(finished: Finished) -> None:
    folder = finished("Shared")
    at = arrive("train", link=with_hidden("treatments"), run=folder.id)
    assert at.session_state["run_id"] == folder.id


# ── refused ──

GOOD = with_hidden()


@pytest.mark.parametrize(
    "bad", [GOOD[:-1], GOOD[1:], "B" + GOOD[1:], GOOD.swapcase(), "<script>", "²", "x" * 5000, encode(State("nowhere"))]
)
def test_a_changed_link_is_said_and_the_page_is_as_usual(bad: str) -> None:
    at = arrive("train", link=bad)
    assert not at.exception
    assert len(at.warning) == 1 and "link" in at.warning[0].value.lower()
    assert at.title[0].value == "Train" and "start_digits" in keys(at) and "linked_train" not in keys(at)
    assert "link" not in at.query_params and "link_state" not in at.session_state


@pytest.mark.parametrize("name", ["link", "with"])
def test_what_is_wrong_with_a_link_stands_there_until_the_page_is_left(name: str) -> None:
    at = arrive(**{name: GOOD[:-1]})
    assert not at.exception and len(at.warning) == 1 and name not in at.query_params
    assert len(at.run().warning) == 1
    at.switch_page("inside.py").run()
    assert not at.warning


def test_a_bad_link_ends_an_earlier_one() -> None:
    at = arrive("train", link=with_hidden("presets"))
    assert "start_digits" not in keys(at)
    at.query_params["link"] = "x"
    at.run()
    assert "start_digits" in keys(at) and "lesson_leave" not in keys(at)


# ── hidden ──


def test_each_part_is_really_not_drawn(finished: Finished) -> None:
    folder = finished("Mine", cookie=ADA)
    shown = arrive("train", link=with_hidden())
    assert {"start_digits", "start_own", "frame_run"} <= keys(shown)
    assert "Do pictures improve" in said(shown)
    for part, gone in (("presets", "start_digits"), ("customise", "start_own"), ("runs", "frame_run")):
        assert gone not in keys(arrive("train", link=with_hidden(part)))
    assert "Do pictures improve" not in said(arrive("train", link=with_hidden("hints")))
    opened = arrive("train", link=with_hidden(), run=folder.id)
    without = arrive("train", link=with_hidden("figures"), run=folder.id)
    labels = {metric.label for metric in opened.metric}
    assert {"Codes used", "NMSE"} <= labels and not {"Codes used", "NMSE", "Error"} & {metric.label for metric in without.metric}


@pytest.mark.parametrize("screen", [name for name in SCREENS if name not in ("start", "lessons")])
def test_no_screen_hints_where_hints_are_hidden(screen: str) -> None:
    at = arrive(screen, link=encode(State(screen, hidden=("hints",))))
    assert not at.exception
    assert "Try this." not in said(at) and SCREENS[screen].look not in said(at)


def test_treatments_are_hidden_of_a_running_run(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.ui import live
    from vqcore.runs.lease import acquire

    folder = store.create(SHARED, name="Live", owner=session.owner_hash(ADA))
    with acquire(folder, "cli"):
        folder.set_status(state="running")
        assert live.watch(folder).look().state == "running"
        treat = {"control_treat", "control_revive", "control_kmeans"}
        at = arrive("train", run=folder.id)
        at.toggle(key="control_treat").set_value(True).run()
        assert treat <= keys(at) and "Learning rate" in at.selectbox(key="control_setting").options
        assert not treat & keys(arrive("train", link=with_hidden("treatments"), run=folder.id))
        at = arrive("train", link=with_hidden("train.lr"), run=folder.id)
        at.toggle(key="control_treat").set_value(True).run()
        options = at.selectbox(key="control_setting").options
        assert options and "Learning rate" not in options


def test_treatments_are_hidden_in_the_clinic(finished: Finished) -> None:
    folder = finished("Mine", cookie=ADA)
    assert "collapse_apply" in keys(arrive("collapse", run=folder.id))
    at = arrive("collapse", link=encode(State("collapse", hidden=("treatments",))), run=folder.id)
    assert not at.exception and "collapse_apply" not in keys(at)


def test_a_hidden_setting_keeps_the_value_that_the_link_brought(store: RunStore) -> None:
    hidden = ("model.quantizer.K", "train.lr", "train.threads", "data.binarise")
    token = encode(of_config("train", SHARED.edited({"train.threads": 2}), hidden=hidden))
    at = arrive("train", link=token)
    at.toggle(key="start_own").set_value(True).run()
    drawn = keys(at) | {node.key for node in at.text_input if node.key}
    assert not any(key == f"start_form.{path}" for key in drawn for path in hidden)
    assert "start_form.model.quantizer.D" in drawn
    at.text_input(key="start_form.model.quantizer.D").set_value("3").run()
    at.button(key="start_custom").click().run()
    assert not at.exception
    (made,) = store.list()
    assert store.get(made.id).config() == SHARED.edited({"train.threads": 2, "model.quantizer.D": 3})


def test_leaving_shows_everything_and_closes_no_run(finished: Finished) -> None:
    folder = finished("Shared")
    at = arrive("train", link=with_hidden("runs", "figures"), run=folder.id)
    at.button(key="lesson_leave").click().run()
    assert at.session_state["run_id"] == folder.id
    assert "frame_run" in keys(at) and "with" not in at.query_params


# ── made ──


def test_what_is_shared_is_what_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "place", lambda page, **query: f"http://room:8501/{page}?link={query['link']}")
    at = arrive("train", link=with_hidden())
    at.session_state["share_form"] = True
    at.toggle(key="start_own").set_value(True).run()
    at.session_state["share_hide_form"] = ["treatments", "runs"]
    at.run()
    assert not at.exception
    token = at.code[0].value.partition("link=")[2]
    assert decode(token, SCREENS) == of_config("train", SHARED, hidden=("treatments", "runs"))
    assert any("QR code of http://room:8501/train" in node.proto.body for node in at.get("html"))


def test_addresses_keep_the_place_by_which_this_browser_came(monkeypatch: pytest.MonkeyPatch) -> None:
    class Context:
        url = ""

    monkeypatch.setattr(link.st, "context", Context())  # type: ignore[attr-defined]
    for here, page, expected in (
        ("http://a:1/train?run=x", "train", "http://a:1/train?link=t"),
        ("http://a:1/", "train", "http://a:1/train?link=t"),
        ("https://lab.example/vq/inside", "lessons", "https://lab.example/vq/lessons?link=t"),
        ("https://lab.example/vq/", "start", "https://lab.example/vq?link=t"),
        ("http://a:1/bits", "start", "http://a:1/?link=t"),
    ):
        Context.url = here
        assert link.place(page, link="t") == expected


def test_a_code_is_a_picture_of_dark_on_light() -> None:
    import base64

    uri = share.qr("http://127.0.0.1:8501/train?link=abc")
    kind, _, body = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    text = base64.b64decode(body).decode()
    assert text.startswith("<?xml") or text.startswith("<svg")
    assert "#fff" in text and "#000" in text and "<script" not in text


def test_every_part_and_setting_can_be_put_into_a_link() -> None:
    for name in (*PARTS, *sorted(settings())):
        assert decode(with_hidden(name), SCREENS).hidden == (name,)
