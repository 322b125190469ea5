"""Output on consoles of other encodings, and commands that are printed to be copied."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.invoke import SMALL, invoke
from vqcore.cli.console import ERRORS, console, encoded, tolerate_encodings
from vqcore.cli.shell import Shell, quoted
from vqcore.runs.store import RunStore

ROOT = Path(__file__).parents[2]


def called(encoding: str, runs: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "VQ_RUNS": str(runs), "PYTHONIOENCODING": encoding}
    return subprocess.run([sys.executable, "-m", "vqcore", *arguments], cwd=ROOT, env=environment, capture_output=True)


def test_a_run_trains_on_where_the_output_takes_ascii_only(runs: Path) -> None:
    done = called("ascii", runs, "train", *SMALL, "--steps", "2")
    assert done.returncode == 0, done.stderr
    assert b"step 2/2 - loss" in done.stdout
    assert [entry.state for entry in RunStore(runs).list()] == ["finished"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "shift_jis"])
def test_every_encoding_takes_every_sign(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    tolerate_encodings()
    console().print("→ 4×4 · β … – “a” 数")
    sys.stdout.flush()
    written = raw.getvalue().decode(encoding)
    assert written.startswith(("→", "->"))
    assert written.rstrip().endswith(("?", "数"))


def test_bytes_of_a_name_that_are_no_text_come_out_as_they_are() -> None:
    name = os.fsdecode(b"ru\xffns") if sys.platform != "win32" else "ru\udcffns"
    assert encoded(name, sys.__stdout__) == b"ru\xffns"
    assert "ru\udcffns".encode("utf-8", ERRORS) == b"ru\xffns"


def test_brackets_and_colons_in_a_name_are_no_styles(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("runs/[red]/:fire:/[/]")
    assert capsys.readouterr().out == "runs/[red]/:fire:/[/]\n"


AWKWARD = ["ru;ns", "$HOME", "`id`", "$(id)", "it's", "two words", "a&b", "a|b", "(a)", "a*", "~", "#a", "!a", "line\nbreak", "a\\b", ""]


@pytest.mark.parametrize("word", [*AWKWARD, "plain"])
def test_a_quoted_word_is_one_word_to_the_shell(word: str) -> None:
    assert shlex.split(f"echo {quoted(word, 'posix')}") == ["echo", word]


@pytest.mark.skipif(os.name == "nt", reason="there is no sh")
@pytest.mark.parametrize("word", AWKWARD)
def test_sh_itself_reads_it_so(word: str) -> None:
    done = subprocess.run(["sh", "-c", f"printf %s {quoted(word, 'posix')}"], capture_output=True, text=True)
    assert done.stdout == word


@pytest.mark.parametrize(
    ("word", "shell", "written"),
    [
        ("C:\\runs\\a", "powershell", "C:\\runs\\a"),
        ("C:\\$HOME\\it's", "powershell", "'C:\\$HOME\\it''s'"),
        ("C:\\a;b", "powershell", "'C:\\a;b'"),
        ("C:\\a b&c", "cmd", '"C:\\a b&c"'),
        ("C:\\a", "cmd", "C:\\a"),
    ],
)
def test_words_for_the_shells_of_windows(word: str, shell: Shell, written: str) -> None:
    assert quoted(word, shell) == written


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_the_commands_that_are_printed_can_be_copied(tmp_path: Path) -> None:
    out = tmp_path / "ru;ns $HOME `id`"
    assert invoke("train", *SMALL, "--steps", "1", "--out", str(out)).exit_code == 0
    (summary,) = RunStore(out).list()
    message = invoke("train", "--resume", str(out / summary.id)).stderr
    words = shlex.split(message.split("For a longer one: ")[1])
    assert words == ["python", "-m", "vqcore", "train", "--config", str(out / summary.id / "config.json"), "--steps", "N"]
