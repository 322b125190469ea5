"""Why codes die, three runs side by side: started with one press, compared, neither guessed at nor treated."""

from __future__ import annotations

from pages.ui import session
from vqcore.clinic.arms import ARMS
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, FakeEngine
from .pairs import STEPS, K, Page, charts, components, fill, keys, records, said

TITLES = ["As it is", "Encoder frozen", "Late start"]


def finished(store: RunStore) -> tuple[RunFolder, ...]:
    small = {"model.quantizer.K": K, "train.steps": STEPS, "train.evaluate_every": 50}
    runs = store.create_group(
        [arm.config.edited(small) for arm in ARMS],
        names=[f"Why codes die: {arm.title.lower()}" for arm in ARMS],
        owner=session.owner_hash(ADA),
        preset="collapse:arms",
    )
    for run, used in zip(runs, (2, 14, 15), strict=True):
        fill(run, records(run, used, STEPS), "finished")
    return runs


def test_one_press_starts_three_runs_that_differ_in_one_thing_each(page: Page, store: RunStore, engine: FakeEngine) -> None:
    at = page("collapse")
    at.button(key="collapse_arms").click().run()
    assert not at.exception and not at.error
    runs = store.group(at.session_state["run_id"])
    assert [run.config() for run in runs] == [arm.config for arm in ARMS]
    assert [run.config().model.freeze_encoder for run in runs] == [False, True, False]
    assert [run.config().codes_start for run in runs] == [0, 0, 50]
    assert engine.submitted == [runs[0].id]
    assert all(run.about().owner == session.owner_hash(ADA) and not run.commands() for run in runs)


def test_all_three_are_seen_together_whichever_is_opened(page: Page, store: RunStore) -> None:
    runs = finished(store)
    for run in runs:
        at = page("collapse", run=run.id)
        assert not at.exception and not at.error
        assert len(components(at, "vq_codemap")) == 3
        assert [trace["name"] for trace in charts(at)["Codes used, 3 runs"]["data"]] == TITLES
        assert len(charts(at)["The encoder's walk, 3 runs"]["data"]) == 9
        assert [f"**{title}** {used} of {K} · error" in said(at) for title, used in zip(TITLES, (2, 14, 15), strict=True)] == [True] * 3
        assert "collapse_apply" not in keys(at) and "Guess" not in said(at)


def test_one_that_was_deleted_leaves_the_others(page: Page, store: RunStore) -> None:
    runs = finished(store)
    store.delete(runs[2].id)
    at = page("collapse", run=runs[0].id)
    assert not at.exception and not at.error
    assert [trace["name"] for trace in charts(at)["Codes used, 2 runs"]["data"]] == TITLES[:2]
