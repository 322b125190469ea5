"""Where numba may keep what it compiles, on machines where neither the packages nor the home can be written."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from vqcore.analysis import compiler
from vqcore.analysis.compiler import cache_place
from vqcore.cli import doctor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages, home and cache lie below a file, where not even an administrator can write. Returns the temporary folder."""
    wall = tmp_path / "file"
    wall.touch()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(wall / "home"))
    monkeypatch.delenv(compiler.SETTING, raising=False)
    monkeypatch.setattr(compiler, "_package_folders", lambda name: [str(wall / name)])
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    return scratch


def test_a_folder_that_somebody_chose_is_taken(locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(compiler.SETTING, str(tmp_path / "chosen"))
    assert cache_place() == compiler.CachePlace(tmp_path / "chosen", lasting=True, chosen=False)


def test_without_packages_and_home_to_write_to_it_is_a_private_temporary_folder(locked: Path) -> None:
    place = cache_place()
    assert place.folder is not None
    assert (place.folder.parent, place.lasting, place.chosen) == (locked, False, True)
    assert os.name == "nt" or not place.folder.stat().st_mode & 0o077
    assert cache_place().folder == place.folder
    (finding,) = doctor.compiler()
    assert (finding.verdict, str(place.folder) in finding.text) == ("note", True)
    assert compiler.SETTING in finding.remedy


@pytest.mark.skipif(os.name == "nt", reason="there the temporary folder is the user's alone")
def test_a_temporary_folder_that_others_may_write_to_is_not_used(locked: Path) -> None:
    planted = locked / f"vqlab-numba-{os.getuid()}"
    planted.mkdir()
    planted.chmod(0o777)
    folder = cache_place().folder
    assert folder is not None
    assert folder != planted
    assert not folder.stat().st_mode & 0o077


def test_with_nothing_to_write_to_there_is_no_place(locked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(locked.parent / "file" / "tmp"))
    assert cache_place().folder is None
    (finding,) = doctor.compiler()
    assert (finding.verdict, "compiles" in finding.text) == ("note", True)


def copied(package: str, target: Path) -> None:
    """The package's files, where numba can keep nothing beside them."""
    spec = importlib.util.find_spec(package)
    assert spec is not None
    (origin,) = spec.submodule_search_locations or ()  # type: ignore[misc]
    (target / package).mkdir(parents=True)
    for file in Path(origin).iterdir():
        if file.name != "__pycache__":
            (target / package / file.name).symlink_to(file)
    (target / package / "__pycache__").touch()


@pytest.fixture
def unwritable(tmp_path: Path) -> dict[str, str]:
    """The environment of a process that can write neither beside UMAP's files nor to its home, only to its temporary folder."""
    for package in ("umap", "pynndescent"):
        copied(package, tmp_path / "packages")
    (tmp_path / "scratch").mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in (compiler.SETTING, "XDG_CACHE_HOME")}
    return environment | {
        "HOME": str(tmp_path / "packages" / "umap" / "__pycache__" / "home"),
        "TMPDIR": str(tmp_path / "scratch"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "packages"), str(ROOT)]),
    }


def outcome(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a right there")
def test_numba_finds_a_place_once_it_is_told_of_one(unwritable: dict[str, str], tmp_path: Path) -> None:
    # as UMAP asks for it when it is imported, which itself compiles for half a minute
    (tmp_path / "packages" / "umap" / "wants_a_cache.py").write_text(
        "import numba\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n"
    )
    wants = f"sys.path.insert(0, {str(tmp_path / 'packages' / 'umap')!r}); import wants_a_cache"
    assert "no locator available" in outcome(f"import sys; {wants}", unwritable).stderr
    done = outcome(f"import sys; from vqcore.analysis.compiler import prepare; prepare(); {wants}; wants_a_cache.double(2)", unwritable)
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "scratch").iterdir()
    assert list(kept.rglob("*.nbi"))


@pytest.mark.nightly
@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a right there")
def test_umap_is_imported_where_neither_its_folder_nor_the_home_can_be_written(unwritable: dict[str, str]) -> None:
    assert "no locator available" in outcome("import umap", unwritable).stderr
    done = outcome("from vqcore.analysis.projection import _umap_class; print(_umap_class().__module__)", unwritable)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["umap.umap_"]
