"""The README's commands exist, its files exist, and what it says about settings and data is what the code says. So of the benchmarks'."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vqcore.cli.configuration import parse_change
from vqcore.cli.main import app
from vqcore.config.presets import PRESETS
from vqcore.data.registry import DATASETS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL) for line in block.splitlines() if line.strip()]
BENCHMARKS = ROOT / "tests" / "benchmarks" / "README.md"
BOTH = README + BENCHMARKS.read_text(encoding="utf-8")
SHOWN = sorted(set(re.findall(r"`([\w./-]+)`", BOTH)))
MOST_LINES = 200


def test_the_two_commands_are_there() -> None:
    assert COMMANDS[:2] == [
        "pip install -r requirements.txt && streamlit run app.py",
        "pip install -r tests/requirements.txt && pytest -n auto",
    ]


def test_every_requirement_is_pinned() -> None:
    for name in ("requirements.txt", "tests/requirements.txt"):
        lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if line and not line.startswith(("#", "-r "))]
        assert lines
        assert [line for line in lines if not re.fullmatch(r"[\w-]+==[\w.]+", line)] == []


@pytest.mark.parametrize("path", [text for text in SHOWN if "/" in text and not text.startswith("MNIST/")])
def test_files_that_it_names_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_links_and_pictures_lead_somewhere() -> None:
    for path in (ROOT / "README.md", BENCHMARKS):
        targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8"))
        assert [target for target in targets if not (path.parent / target).is_file()] == []


def test_it_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("python -m vqcore")])
def test_examples_of_the_command_line_parse(command: str) -> None:
    words = shlex.split(command)[3:]
    options = [word for word in words[1:] if word.startswith("--")]
    help_text = CliRunner().invoke(app, [words[0], "--help"])
    assert help_text.exit_code == 0
    assert [option for option in options if option not in help_text.output] == []


def test_examples_of_presets_and_changes_exist() -> None:
    for command in COMMANDS:
        words = shlex.split(command)
        if "--preset" in words:
            config = PRESETS[words[words.index("--preset") + 1]].config
            changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
            parsed = dict(parse_change(change) for change in changes)
            edited = config.edited(parsed)
            assert {path: edited.at(path) for path in parsed} == parsed


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ([\w.]+)", BOTH))))
def test_modules_that_it_starts_exist(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def test_every_data_set_is_named() -> None:
    assert [name for name in DATASETS if f"`{name}`" not in README] == []


def test_every_environment_variable_of_the_code_is_named() -> None:
    sources = [path.read_text(encoding="utf-8") for folder in ("vqcore", "pages") for path in (ROOT / folder).rglob("*.py")]
    used = {name for source in sources for name in re.findall(r"environ(?:\.get\(|\[)\"(VQ_\w+)\"", source)}
    assert used
    assert sorted(name for name in used if f"`{name}`" not in README) == []
