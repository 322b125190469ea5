"""How the lines are put together: literals, imports, paths, configurations."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.runs.folder import RunFolder
from vqcore.snippets.snippet import ROOT, WIDTH, imports, literal, opened, place, written

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=6), inner, max_size=6),
    max_leaves=40,
)


@given(VALUES)
def test_a_literal_is_the_value_again(value: object) -> None:
    assert eval(literal(value)) == value


def test_a_long_literal_is_folded() -> None:
    lines = literal({"numbers": list(range(200)), "train": {f"field_{i}": i for i in range(30)}}).splitlines()
    # a sequence within a mapping stays whole: configurations have none that is long
    assert max(map(len, lines[2:])) <= WIDTH
    assert max(map(len, literal(list(range(200))).splitlines())) <= WIDTH


@pytest.mark.parametrize("name", PRESETS)
def test_a_written_configuration_is_the_same_experiment(name: str) -> None:
    config = PRESETS[name].config
    again = eval(written(config))
    assert again.identity == config.identity
    assert max(map(len, written(config).splitlines())) <= WIDTH
    assert (again.train.evaluate_every, again.train.threads) == (config.train.evaluate_every, config.train.threads)


def test_what_only_sets_the_pace_is_left_out() -> None:
    text = written(RunConfig().edited({"train.speed_limit": 10.0, "train.record_every": 3, "train.checkpoint_every": 7}))
    assert "speed_limit" not in text and "every" not in text


def test_imports_are_grouped_and_each_name_comes_once() -> None:
    text = imports("vqcore.b:Two", "pathlib:Path", "numpy as np", "vqcore.a:One", "PIL:Image", "vqcore.b:Three", "vqcore.b:Two")
    assert text == (
        "from pathlib import Path\n\nimport numpy as np\nfrom PIL import Image\n\nfrom vqcore.a import One\nfrom vqcore.b import Three, Two"
    )


def test_paths_are_told_from_the_repository_where_they_lie_there(tmp_path: Path) -> None:
    assert opened(RunFolder(ROOT / "runs" / "a-run")) == 'RunFolder(Path("runs/a-run"))'
    odd = tmp_path / 'it\'s "runs"'
    assert eval(place(odd)) == odd.resolve()
