"""What is read from a run, and what is said of several seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vqcore.config.presets import PRESETS
from vqcore.data.registry import load
from vqcore.jobs import worker
from vqcore.models.registry import build_model
from vqcore.records import Evaluation, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore
from vqcore.sweeps.results import Result, Spread, cells, parameters, read_result
from vqcore.sweeps.spec import SweepSpec


def test_a_result_says_what_the_run_recorded(spec: SweepSpec, finish: Callable[..., RunFolder]) -> None:
    point = spec.points()[0]
    folder = finish(point.config, used=20)
    result = read_result(point, folder)
    assert (result.run, result.state, result.done) == (folder.id, "finished", True)
    assert (result.K, result.D, result.M, result.used, result.used_epoch, result.vectors) == (32, 4, 16, 20, 19, 5744)
    assert (result.nmse, result.nmse_mean_picture, result.psnr, result.steps, result.seconds) == (0.1, 0.52, 18.0, 20, 2.5)
    assert result.share_used == 20 / 32 and result.share_used_epoch == 19 / 32
    assert result.fixed_bits == 16 * math.log2(32) and result.histogram_bits == 16 * 3.17


@pytest.mark.parametrize("learning", ["gradient", "ema"])
def test_figures_of_a_real_run_are_those_of_its_records_and_its_network(tmp_path: Path, spec: SweepSpec, learning: str) -> None:
    point = replace(spec.points()[0], config=spec.points()[0].config.edited({"model.quantizer.learning": learning, "train.steps": 3}))
    folder = RunStore(tmp_path).create(point.config, name="x")
    assert worker.run(folder, "cli") == "finished"
    result = read_result(point, folder)
    records = folder.metrics().records
    evaluation = [record for record in records if isinstance(record, Evaluation)][-1]
    step = [record for record in records if isinstance(record, Step)][-1]
    assert evaluation.complete and result.images == evaluation.images == 359
    assert (result.mse, result.entropy_bits, result.used) == (evaluation.mse, evaluation.books[0].entropy_bits, evaluation.books[0].used)
    assert (result.steps, result.seconds, result.used_epoch) == (3, step.elapsed, step.books[0].used_epoch)
    dataset = load(point.config.data)
    model = build_model(point.config.model, dataset.shape, dataset.modality, 1.0)
    assert result.parameters == sum(weight.numel() for weight in model.parameters())


def test_before_between_and_after(spec: SweepSpec, finish: Callable[..., RunFolder], tmp_path: Path) -> None:
    point = spec.points()[0]
    assert read_result(point, None).state == "planned"
    assert read_result(point, None, "20260101-000000-abcd").state == "missing"
    queued = read_result(point, RunStore(tmp_path).create(point.config, name="x"))
    assert (queued.state, queued.done, queued.images, queued.parameters) == ("queued", False, 0, 0)
    failed = read_result(point, finish(point.config, ended="failed"))
    assert (failed.state, failed.done, failed.message) == ("failed", False, "The loss is NaN.")


def test_a_checkpoint_that_is_none_has_no_parameters(tmp_path: Path) -> None:
    torn = tmp_path / "checkpoint.safetensors"
    assert parameters(torn) == 0
    for content in (b"", b"\x01", b"\xff" * 64, b"\x02\x00\x00\x00\x00\x00\x00\x00[]"):
        torn.write_bytes(content)
        assert parameters(torn) == 0


def test_seeds_are_summed_up_and_only_finished_runs_count() -> None:
    def one(level: str, seed: int, used: int, state: str = "finished") -> Result:
        return Result((level,), {}, seed, state=state, K=32, used=used, images=9)  # type: ignore[arg-type]

    found = cells([one("4", 0, 30), one("16", 0, 8), one("4", 1, 20), one("16", 1, 0, "failed")])
    assert [cell.levels for cell in found] == [("4",), ("16",)]
    assert found[0].spread("used") == Spread(25.0, 20.0, 30.0)
    assert found[0].spread("share_used") == Spread(25 / 32, 20 / 32, 30 / 32)
    assert (found[1].runs, len(found[1].results)) == (2, 1)
    assert cells([one("4", 0, 3, "running")])[0].spread("used") is None


def test_presets_have_no_seed_of_their_own() -> None:
    assert {preset.config.train.seed for preset in PRESETS.values()} == {0}
