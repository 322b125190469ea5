"""Messages without the server's paths."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from vqcore.config.data import MnistConfig
from vqcore.config.run import RunConfig
from vqcore.data import download
from vqcore.data.registry import load
from vqcore.errors import DataError, RunError
from vqcore.places import without_places
from vqcore.runs.store import RunStore


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a server keeps its runs and data."""
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "class of 2026" / "runs"))
    monkeypatch.setenv("VQ_DATA", str(tmp_path / "data"))
    return tmp_path


def test_the_name_stays_and_the_folder_goes(server: Path) -> None:
    runs = server / "class of 2026" / "runs"
    assert without_places(f"{runs}/a-run/config.json is damaged.") == "…/a-run/config.json is damaged."
    assert without_places(f"Runs cannot be written to {runs} (no room).") == "Runs cannot be written to the runs folder (no room)."
    assert without_places(f"put it into {server / 'data'}: it is small") == "put it into the data folder: it is small"
    assert without_places(f"{server / 'data'}/") == "the data folder"
    assert without_places(f"There is none in {runs}. Look elsewhere.") == "There is none in the runs folder. Look elsewhere."
    assert without_places(f"{tempfile.gettempdir()}/x and {Path.home()}/y") == "…/x and …/y"


@pytest.mark.parametrize("text", ["", "4/8/16 codes", "and/or", "https://example.org/a", "/r/learn", "a\\b", "20 of 32"])
def test_what_is_no_folder_of_this_machine_stays(server: Path, text: str) -> None:
    assert without_places(text) == text


def test_a_folder_whose_name_only_begins_alike_is_another(server: Path) -> None:
    text = f"{server / 'data'}-of-others"
    assert str(server) not in without_places(text)
    assert without_places(text).endswith("data-of-others")


def test_no_message_of_a_broken_run_or_of_missing_data_says_where_the_server_is(server: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(server / "class of 2026" / "runs")
    folder = store.create(RunConfig(), name="x")
    messages = []
    (folder.path / "config.json").write_text("{")
    for reading in (folder.config, lambda: store.get(folder.id), lambda: store.get("no-such-run")):
        with pytest.raises(RunError) as caught:
            reading()
        messages.append(str(caught.value))
    monkeypatch.setattr(download, "_fetch", lambda *_: (_ for _ in ()).throw(download._MirrorError("no connection")))
    with pytest.raises(DataError) as missing:
        load(MnistConfig())
    messages.append(str(missing.value))
    for message in messages:
        assert str(server) in message
        assert str(server) not in without_places(message)
