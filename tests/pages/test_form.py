"""The form of a configuration: complete, explained, and it loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig


def script(config: str) -> None:
    import streamlit as st

    from pages.ui.form import config_form
    from vqcore.config.run import RunConfig

    made = config_form(RunConfig.model_validate_json(config), key="form")
    st.session_state["made"] = made.model_dump_json() if made else ""


def form(config: RunConfig | None = None) -> AppTest:
    return AppTest.from_function(script, args=((config or RunConfig()).model_dump_json(),), default_timeout=60).run()


def made(at: AppTest) -> RunConfig | None:
    text = at.session_state["made"]
    return RunConfig.model_validate_json(text) if text else None


def widget(at: AppTest, path: str) -> Any:
    """The widget of a setting, whatever its kind; the line that stands for it where other choices settle it."""
    every = [*at.text_input, *at.selectbox, *at.toggle, *at.get("button_group")]
    return next(found for found in every if found.key in (f"form.{path}", f"form.{path}.forced"))


def leaves(config: BaseModel, prefix: str = "") -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            result |= leaves(value, f"{prefix}{name}.")
        elif name not in ("kind", "schema_version"):
            result[f"{prefix}{name}"] = value
    return result


@pytest.mark.parametrize("name", PRESETS)
def test_what_goes_in_comes_out(name: str) -> None:
    at = form(PRESETS[name].config)
    assert not at.exception and not at.error
    assert made(at) == PRESETS[name].config


def test_every_setting_has_a_widget_with_help() -> None:
    at = form()
    for path in leaves(RunConfig()):
        key = path.replace("data.", "data.digits.")
        found = widget(at, key)
        assert found.proto.help, path
        assert found.proto.label, path


def test_the_network_can_be_chosen_where_there_is_no_grid() -> None:
    at = form()
    assert widget(at, "model.net").disabled
    widget(at, "model.downsampling").set_value("vector")
    at.run()
    widget(at, "model.net").set_value("mlp")
    at.run()
    config = made(at)
    assert config is not None and config.model.net == "mlp"
    widget(at, "model.downsampling").set_value(4)
    at.run()
    config = made(at)
    assert not at.error and config is not None and config.model.net == "conv", "a grid settles it"


def test_a_change_arrives() -> None:
    at = form()
    widget(at, "model.quantizer.K").set_value("64")
    widget(at, "train.lr").set_value("0,5")
    widget(at, "train.steps").set_value("2e3")
    widget(at, "train.threads").set_value("3")
    widget(at, "model.quantizer.learning").set_value("ema")
    at.run()
    assert not at.exception and not at.error
    config = made(at)
    assert config is not None
    assert (config.model.quantizer.K, config.train.lr, config.train.threads, config.model.quantizer.learning) == (64, 0.5, 3, "ema")
    assert config.train.steps == 2000


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("model.quantizer.K", "1", "1 is too small. Type a whole number, 2 to 65,536."),
        ("model.quantizer.K", "0", "0 is too small. Type a whole number, 2 to 65,536."),
        ("model.quantizer.K", "", "Empty. Type a whole number, 2 to 65,536."),
        ("model.quantizer.K", "8.5", "8.5 is not a whole number."),
        ("model.quantizer.D", "100000", "100000 is too large. Type a whole number, 1 to 1,024."),
        ("train.lr", "-1", "-1 is too small. Type a number, above 0 to 10."),
        ("train.lr", "1e9", "1e9 is too large."),
        ("train.steps", "99999999999999999999", "99999999999999999999 is too large."),
        ("train.threads", "many", "“many” is not understood. Type auto, or a whole number, 1 to 256."),
        ("train.threads", "0", "1 to 256"),
        ("model.hidden", "33", "33 is not a multiple of 4."),
    ],
)
def test_a_wrong_value_is_said_and_kept(path: str, value: Any, words: str) -> None:
    at = form()
    widget(at, "train.seed").set_value("77")
    widget(at, path).set_value(value).run()
    assert not at.exception
    assert made(at) is None
    assert any(words in part.value.replace("\\", "") for part in at.markdown), "said at the field"
    assert widget(at, path).label in at.error[0].value.replace("\\", ""), "and which field it is, beside the button"
    assert at.session_state[f"form.{path}"] == value, "what was typed is still there"
    assert widget(at, "train.seed").value == "77"


def test_two_wrong_values_are_both_said() -> None:
    at = form()
    widget(at, "model.quantizer.K").set_value("0")
    widget(at, "train.batch_size").set_value("0")
    at.run()
    text = at.error[0].value.replace("\\", "")
    assert "Codes K" in text and "Batch size" in text


def test_settings_that_do_not_fit_together_are_said() -> None:
    at = form()
    widget(at, "model.reconstruction").set_value("bce").run()
    assert "binarise" in at.error[0].value
    widget(at, "data.digits.binarise").set_value(True).run()
    config = made(at)
    assert not at.error and config is not None and config.model.reconstruction == "bce"


def test_points_force_one_vector_say_so_and_give_the_choice_back() -> None:
    at = form()
    widget(at, "model.downsampling").set_value(8).run()
    kind = next(group for group in at.get("button_group") if group.key == "form.data.kind")
    kind.set_value("rings").run()
    assert not at.exception and not at.error
    config = made(at)
    assert config is not None and config.data.kind == "rings" and config.model.downsampling == "vector"
    assert any("Points have no grid" in caption.value for caption in at.caption)
    assert next(found for found in at.text_input if found.key == "form.model.downsampling.forced").disabled
    next(group for group in at.get("button_group") if group.key == "form.data.kind").set_value("digits").run()
    config = made(at)
    assert config is not None and config.model.downsampling == 8


def test_what_is_ignored_is_disabled_and_says_why() -> None:
    at = form(RunConfig().edited({"model.quantizer.init": "kmeans", "model.quantizer.learning": "ema"}))
    for path in ("model.quantizer.init_scale", "model.quantizer.codebook_weight"):
        assert widget(at, path).disabled
    assert any("no scale to choose" in caption.value for caption in at.caption)
    assert any("EMA moves the codes" in caption.value for caption in at.caption)


def test_codes_that_would_start_after_the_last_step_are_refused_at_the_field() -> None:
    at = form(RunConfig().edited({"train.steps": 60}))
    widget(at, "model.quantizer.start_after").set_value("60").run()
    assert made(at) is None
    assert any("60 is too large. Type a whole number, 0 to 59" in found.value.replace("\\", "") for found in at.markdown)
    widget(at, "model.quantizer.start_after").set_value("59").run()
    config = made(at)
    assert config is not None and config.codes_start == 59
    widget(at, "train.steps").set_value("50").run()
    assert made(at) is None


def test_each_data_set_keeps_its_own_numbers() -> None:
    at = form()

    def choose(kind: str) -> None:
        next(group for group in at.get("button_group") if group.key == "form.data.kind").set_value(kind).run()

    choose("photos")
    widget(at, "data.photos.patches").set_value("512").run()
    choose("shapes")
    assert made(at) is not None and made(at).data.kind == "shapes"  # type: ignore[union-attr]
    choose("photos")
    assert widget(at, "data.photos.patches").value == "512"


def swapping() -> None:
    import streamlit as st

    from pages.ui.form import config_form
    from vqcore.config.presets import PRESETS

    name = st.radio("Begin with", list(PRESETS), key="base")
    shown = st.toggle("Show", value=True, key="show")
    if shown:
        made = config_form(PRESETS[name].config, key="form")
        st.session_state["made"] = made.model_dump_json() if made else ""


def test_another_configuration_fills_the_form_anew() -> None:
    at = AppTest.from_function(swapping, default_timeout=60).run()
    widget(at, "model.quantizer.K").set_value("99").run()
    assert made(at) == PRESETS["digits"].config.edited({"model.quantizer.K": 99})
    at.radio(key="base").set_value("letters").run()
    assert not at.exception and made(at) == PRESETS["letters"].config


def test_hiding_the_form_loses_nothing() -> None:
    at = AppTest.from_function(swapping, default_timeout=60).run()
    widget(at, "model.quantizer.K").set_value("99").run()
    at.toggle(key="show").set_value(False).run()
    at.toggle(key="show").set_value(True).run()
    assert widget(at, "model.quantizer.K").value == "99"
    assert made(at) == PRESETS["digits"].config.edited({"model.quantizer.K": 99})


def choose_quantizer(at: AppTest, kind: str) -> None:
    next(group for group in at.get("button_group") if group.key == "form.model.quantizer.kind").set_value(kind).run()
    assert not at.exception


@pytest.mark.parametrize(
    "quantizer",
    [
        FSQConfig(levels=(7, 3)),
        ResidualConfig(stages=(VQConfig(K=9, D=3, learning="ema"), VQConfig(K=5, D=3)), stage_dropout=0.25),
        ResidualConfig(stages=(VQConfig(K=9, D=3),) * 2, shared=True),
        ResidualConfig(stages=(VQConfig(K=9),)),
    ],
)
def test_other_quantizers_go_in_and_come_out(quantizer: AnyQuantizerConfig) -> None:
    config = PRESETS["digits"].config
    config = config.edited({"model": config.model.model_dump(mode="json") | {"quantizer": quantizer.model_dump(mode="json")}})
    at = form(config)
    assert not at.exception and not at.error
    assert made(at) == config


def test_another_quantizer_says_what_it_dropped_and_gives_it_back() -> None:
    digits = PRESETS["digits"].config
    at = form(digits)
    choose_quantizer(at, "fsq")
    assert made(at) == digits.edited({"model.quantizer.kind": "fsq"})
    said = [caption.value.replace("\\", "") for caption in at.caption]
    assert any("Quantizer is fsq now, which has no place for K = 32, D = 4, init = data." in words for words in said)
    widget(at, "model.quantizer.levels").set_value("5, 4").run()
    assert made(at) == digits.edited({"model.quantizer.kind": "fsq", "model.quantizer.levels": [5, 4]})
    choose_quantizer(at, "vq")
    assert made(at) == digits
    assert not any("no place for" in caption.value for caption in at.caption)


def test_stages_come_and_go_alike() -> None:
    at = form(PRESETS["digits"].config)
    choose_quantizer(at, "residual")
    widget(at, "model.quantizer.stages.0.D").set_value("5")
    widget(at, "model.quantizer.stages.2.K").set_value("7")
    at.run()
    widget(at, "model.quantizer.stages.count").set_value("4").run()
    config = made(at)
    assert config is not None and [(book.K, book.D) for book in config.books()] == [(32, 5), (32, 5), (7, 5), (7, 5)]
    widget(at, "model.quantizer.shared").set_value(True).run()
    config = made(at)
    assert config is not None and [(book.K, book.D) for book in config.books()] == [(32, 5)] * 4
    assert not [found for found in at.text_input if found.key == "form.model.quantizer.stages.1.K"], "it is the first stage's"


@pytest.mark.parametrize(
    ("kind", "path", "value", "words"),
    [
        ("fsq", "levels", "8, 1", "1 is too small. Type a whole number, 2 to 65,536."),
        ("fsq", "levels", "", "Empty. Type numbers with commas between them"),
        ("fsq", "levels", "256, 256, 2", "131,072 codes; at most 65,536 are allowed"),
        ("residual", "stages.count", "0", "0 is too small. Type a whole number, 1 to 8."),
        ("residual", "stages.count", "9", "9 is too large. Type a whole number, 1 to 8."),
        ("residual", "stages.1.K", "1", "1 is too small. Type a whole number, 2 to 65,536."),
    ],
)
def test_what_other_quantizers_cannot_be_is_said_at_the_field(kind: str, path: str, value: str, words: str) -> None:
    at = form()
    choose_quantizer(at, kind)
    widget(at, f"model.quantizer.{path}").set_value(value).run()
    assert not at.exception and made(at) is None
    assert any(words in part.value.replace("\\", "") for part in at.markdown)
