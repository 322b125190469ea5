"""Saved grids, documents and links: what comes back is what was given, and what lies is refused with its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vqcore.config.run import RunConfig
from vqcore.errors import GridError, VQError
from vqcore.layout import Grid, Layout
from vqcore.runs.grids import MOST_BYTES, GridStore, SavedGrid, from_document, from_token, to_document, to_token
from vqcore.runs.store import RunStore

LAYOUT = Layout((Grid("top", 5, (2, 2)), Grid("bottom", 300, (3,))))
CODES = np.array([0, 4, 2, 1, 299, 0, 17])
RUN, STAMP = "20260101-000000-abcd", "0123456789ab"
GRID = SavedGrid(CODES, RUN, STAMP, "A bent A", "owner", "Ada", "2026-01-01T00:00:00+00:00")
rows = arrays(np.int64, 7, elements=st.integers(0, 4))


def document(**changes: Any) -> str:
    return json.dumps(json.loads(to_document(GRID, LAYOUT)) | changes)


def books(**changes: Any) -> list[dict[str, Any]]:
    first, second = json.loads(to_document(GRID, LAYOUT))["books"]
    return [first | changes, second]


@given(rows)
def test_documents_and_tokens_bring_back_every_grid(codes: np.ndarray) -> None:
    read = from_document(to_document(replace(GRID, codes=codes), LAYOUT), RUN, LAYOUT)
    assert (read.codes == codes).all() and read.codes.dtype == np.int64
    found, stamp = from_token(to_token(codes, STAMP), LAYOUT)
    assert (found == codes).all() and STAMP.startswith(stamp)


def test_a_document_keeps_its_names() -> None:
    read = from_document(to_document(GRID, LAYOUT), RUN, LAYOUT)
    assert (read.name, read.owner, read.nickname, read.created, read.checkpoint) == ("A bent A", "owner", "Ada", GRID.created, STAMP)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_document_may_be_saved_in_any_encoding_that_json_may_have(encoding: str) -> None:
    text = to_document(GRID, LAYOUT)
    assert (from_document(text.encode(encoding), RUN, LAYOUT).codes == CODES).all()
    assert (from_document("\ufeff" + text, RUN, LAYOUT).codes == CODES).all()


def test_a_token_fits_a_link() -> None:
    token = to_token(np.arange(49) % 64, STAMP)
    assert len(token) < 120
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "no grid"),
        ('{"schema_version": 1}', "no grid"),
        (document(schema_version=2), "newer VQ Lab"),
        (document(schema_version=True), "schema_version is True"),
        (document(run="another"), "belongs to run 'another'"),
        (document(books=[]), "0 books, while this model has 2"),
        (document(books={}), "no “books”"),
        (document(books=books(shape=[4])), r"says shape \[4\]"),
        (document(books=books(K=6)), "K 6"),
        (document(books=books(codes=[0, 1])), "which is 4 codes, and then lists 2"),
        (document(books=books(codes="0123")), "then lists no"),
        (document(books=books(codes=[0, 1, 2, 5])), "Code 5 does not exist"),
        (document(books=books(codes=[0, 1, 2, -1])), "Code -1 does not exist"),
        (document(books=books(codes=[0, 1, 2, 10**40])), "does not exist"),
        (document(books=books(codes=[0, 1, 2, 1.5])), "lists 1.5"),
        (document(books=books(codes=[0, 1, 2, True])), "lists True"),
        (document(name=7), "“name” should be a text"),
        (" " * (MOST_BYTES + 1), "at most"),
    ],
)
def test_documents_that_lie_are_refused(text: str, reason: str) -> None:
    with pytest.raises(GridError, match=reason):
        from_document(text, RUN, LAYOUT)


@given(st.text(max_size=200))
def test_no_text_is_a_token_by_accident(text: str) -> None:
    with pytest.raises(GridError):
        from_token(text, LAYOUT)


@given(st.integers(0, 200), st.integers(0, 63))
def test_a_torn_token_is_never_another_grid(place: int, sign: int) -> None:
    token = to_token(CODES, STAMP)
    place %= len(token)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    changed = token[:place] + letters[sign] + token[place + 1 :]
    try:
        found, _ = from_token(changed, LAYOUT)
    except GridError:
        return
    assert (found == CODES).all()  # the last letter may hold bits that mean nothing


def test_a_token_of_another_run_is_refused() -> None:
    with pytest.raises(GridError, match="takes 7"):
        from_token(to_token(np.arange(4), STAMP), LAYOUT)
    with pytest.raises(GridError, match="Code 9 at position 0 does not exist"):
        from_token(to_token(np.array([9, 0, 0, 0, 0, 0, 0]), STAMP), LAYOUT)


def test_a_token_that_unpacks_to_much_is_refused() -> None:
    with pytest.raises(GridError, match="not whole"):
        from_token(to_token(np.zeros(500_000, dtype=int), STAMP), LAYOUT)


def test_saved_grids_are_listed_loaded_and_deleted(tmp_path: Path) -> None:
    store = GridStore(tmp_path)
    first = store.save(GRID, LAYOUT)
    second = store.save(replace(GRID, name="Another", codes=CODES * 0, created="2026-01-02T00:00:00+00:00"), LAYOUT)
    assert [grid.name for grid in store.list(RUN, LAYOUT)] == ["Another", "A bent A"]
    assert (store.get(RUN, first.id, LAYOUT).codes == CODES).all()
    store.delete(RUN, second.id)
    store.delete(RUN, second.id)
    assert [grid.id for grid in store.list(RUN, LAYOUT)] == [first.id]
    with pytest.raises(GridError, match="deleted"):
        store.get(RUN, second.id, LAYOUT)
    assert store.list("another-run", LAYOUT) == []


def test_grids_saved_under_three_time_zones_stand_in_the_order_of_their_making(tmp_path: Path) -> None:
    store = GridStore(tmp_path)
    for i, created in enumerate(["2026-11-28T20:00:00+09:00", "2026-11-28T12:30:00+01:00", "2026-11-28T07:00:00-05:00"]):
        store.save(replace(GRID, name=f"{i}", created=created), LAYOUT)
    assert [grid.name for grid in store.list(RUN, LAYOUT)] == ["2", "1", "0"]


def test_damaged_files_are_passed_over_and_left(tmp_path: Path) -> None:
    store = GridStore(tmp_path)
    kept = store.save(GRID, LAYOUT)
    folder = tmp_path / ".grids" / RUN
    (folder / "0123456789ab.json").write_text("{", encoding="utf-8")
    (folder / "notes.json").write_text("mine", encoding="utf-8")
    assert [grid.id for grid in store.list(RUN, LAYOUT)] == [kept.id]
    assert (folder / "0123456789ab.json").exists() and (folder / "notes.json").exists()


@pytest.mark.parametrize("name", ["../../secret", "", "0123", "0123456789AB"])
def test_nothing_outside_the_folder_is_touched(tmp_path: Path, name: str) -> None:
    store = GridStore(tmp_path)
    with pytest.raises(GridError, match="not the id"):
        store.get(RUN, name, LAYOUT)
    with pytest.raises(GridError, match="not the id"):
        store.delete(RUN, name)
    with pytest.raises(GridError, match="not the id of a run"):
        store.list("../x", LAYOUT)


def test_a_grid_without_a_name_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="needs a name"):
        GridStore(tmp_path).save(replace(GRID, name=" \n"), LAYOUT)
    assert not (tmp_path / ".grids").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / ".grids").write_text("a file", encoding="utf-8")
    with pytest.raises(VQError, match="was not saved"):
        GridStore(tmp_path).save(GRID, LAYOUT)


def test_a_deleted_run_takes_its_grids_with_it(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run, other = (store.create(RunConfig(), name=name) for name in ("mine", "another"))
    run.set_status(state="finished")
    grids = GridStore(tmp_path)
    for folder in (run, other):
        grids.save(replace(GRID, run=folder.id), LAYOUT)
    store.delete(run.id)
    assert not grids.list(run.id, LAYOUT)
    assert len(grids.list(other.id, LAYOUT)) == 1
