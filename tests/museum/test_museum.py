"""Each bug shows what its text claims, and none can be reached by a configuration."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
import torch

from vqcore.config.quantizer import VQConfig
from vqcore.errors import ConfigError
from vqcore.museum import bugs
from vqcore.museum.bugs import BUGS
from vqcore.museum.exhibits import EXHIBITS, shown
from vqcore.museum.train import exhibit, pair
from vqcore.museum.trial import BUNDLED, SERIES, Pair, read
from vqcore.quantizers.registry import QUANTIZERS
from vqcore.quantizers.vq import VQ

ROOT = Path(__file__).resolve().parents[2]
STEPS = 120


@cache
def trained(key: str, seed: int) -> Pair:
    return pair(key, seed, steps=STEPS)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("key", EXHIBITS)
def test_a_bug_shows_its_signs(key: str, seed: int) -> None:
    found = EXHIBITS[key].signs(trained(key, seed))
    assert found and all(sign.speaks for sign in found), found


@pytest.mark.parametrize("key", EXHIBITS)
def test_a_run_without_the_bug_does_not(key: str) -> None:
    healthy = trained(key, 0).healthy
    twice = Pair(key, 0, "", healthy, healthy)
    assert not any(sign.speaks for sign in EXHIBITS[key].signs(twice) if sign.name != "|z_e| at the end")
    assert not shown(EXHIBITS[key], twice)


def test_signs_tell_the_bugs_apart() -> None:
    # those that are the same run but for their bug, so that students can compare them
    alike = [key for key, entry in EXHIBITS.items() if not entry.changes]
    assert len(alike) == 3
    for key in alike:
        others = [other for other in alike if other != key]
        assert not any(shown(EXHIBITS[other], trained(key, 0)) for other in others)


@pytest.mark.parametrize("key", EXHIBITS)
def test_both_start_alike(key: str) -> None:
    found = trained(key, 1)
    first = {name: found.healthy.series[name][0] for name in ("reconstruction", "commitment", "z_norm")}
    assert first == pytest.approx({name: found.buggy.series[name][0] for name in first})


def test_exhibits_and_bugs_are_the_same() -> None:
    assert list(EXHIBITS) == list(BUGS)
    for entry in EXHIBITS.values():
        assert set(entry.plots) <= set(SERIES)
        assert entry.title.casefold() not in f"{entry.patient} {entry.symptom}".casefold()
        assert all(re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", source.url) for source in entry.sources)
        assert entry.sources


def test_the_changes_make_the_run() -> None:
    plain = next(entry for entry in EXHIBITS.values() if not entry.changes).config
    assert all(plain.edited(entry.changes) == entry.config for entry in EXHIBITS.values())


def test_the_plain_variant_of_the_altered_is_the_packages() -> None:
    """What the bugs alter is a correct quantizer: without an alteration it is VQ, to the bit."""
    config = VQConfig(K=8, D=2, init="normal")
    torch.manual_seed(0)
    right, copy = VQ(config), bugs._Altered(config)
    copy.load_state_dict(right.state_dict())
    z = torch.randn(32, 2)
    results = []
    for quantizer in (right, copy):
        own = z.clone().requires_grad_()
        out = quantizer(own)
        (out.loss + out.z_q.square().sum()).backward()
        results.append((out.z_q, out.loss, own.grad, quantizer.codebook.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_no_configuration_leads_to_a_bug() -> None:
    assert all("museum" not in entry.target for entry in QUANTIZERS.values())
    named = set()
    for path in [*(ROOT / "vqcore").rglob("*.py"), ROOT / "app.py"]:
        if "museum" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named |= {module for module in modules if "museum" in module}
    assert named <= {"vqcore.museum.trial"}  # how a finished pair is described: no quantizer can be had from it
    assert {name for name, kind in inspect.getmembers(bugs, inspect.isclass) if kind in BUGS.values()} == {
        kind.__name__ for kind in BUGS.values()
    }


def test_a_pair_is_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = trained("no_stop_gradient", 0)
    monkeypatch.setattr("vqcore.museum.train.pair", lambda key, seed: found)
    assert exhibit(str(tmp_path / "museum"), "no_stop_gradient", 0) == "no_stop_gradient"
    folders = [tmp_path / "nothing", tmp_path / "museum"]
    assert read(folders, "no_stop_gradient", 0, found.identity) == found
    assert read(folders, "no_stop_gradient", 1, found.identity) is None
    assert read(folders, "no_stop_gradient", 0, "another") is None
    path = tmp_path / "museum" / "no_stop_gradient-0.json"
    path.write_bytes(path.read_bytes()[:-40])
    assert read(folders, "no_stop_gradient", 0, found.identity) is None


def test_what_is_not_in_the_museum_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"wrong_term, stale_average"):
        pair("nothing", 0)


@pytest.mark.parametrize("key", EXHIBITS)
def test_the_pair_that_comes_with_the_program_is_of_this_configuration(key: str) -> None:
    found = read([BUNDLED], key, 0, EXHIBITS[key].run(0).identity)
    assert found is not None, f"make it anew: vqcore.museum.train.exhibit({str(BUNDLED)!r}, {key!r}, 0)"
    assert shown(EXHIBITS[key], found) and found.healthy.steps[-1] == EXHIBITS[key].config.train.steps
