"""The two wings of the program, and what they may not import. Each look is taken in a fresh process."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "sklearn", "umap", "numba", "librosa", "distributed")


def modules(folder: str) -> list[str]:
    """Every module below a folder, by its dotted name."""
    paths = sorted((ROOT / folder).rglob("*.py"))
    names = (path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in paths)
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def loaded_after(statements: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running the statements."""
    code = f"{statements}\nimport json, sys\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


WING = [
    "errors",
    "control",
    "config",
    "records",
    "glossary",
    "words",
    "colours",
    "usage",
    "film",
    "clinic",
    "sweeps",
    "runs",
    "plots",
    "edits",
    "layout",
    "lessons",
    "snippets",
    "shape",
]
LIGHT = [name for name in modules("vqcore") if name.split(".")[1:2] and name.split(".")[1] in WING] + [
    "vqcore.jobs.engine",
    "vqcore.museum.exhibits",
    "vqcore.museum.trial",
    "vqcore.rates.points",
]


def test_the_light_wing_is_listed() -> None:
    assert {"vqcore.config.run", "vqcore.runs.store", "vqcore.runs.folder", "vqcore.plots.training", "vqcore.glossary"} <= set(LIGHT)


def test_light_modules_import_nothing_heavy() -> None:
    assert not loaded_after("\n".join(f"import {name}" for name in LIGHT)) & set(HEAVY)


def test_the_server_and_its_widgets_import_nothing_heavy() -> None:
    names = ["app", *modules("pages/ui")]
    assert not loaded_after("\n".join(f"import {name}" for name in names)) & set(HEAVY)


SHOW = """
import json, os, sys, tempfile
sys.path.insert(0, {root!r})
os.environ["VQ_RUNS"] = tempfile.mkdtemp()
from pages.ui import session
class Engine:
    def health(self):
        from vqcore.jobs.engine import Health
        return Health("ready", "", 1, 0, 0, 0.0)
session.engine = Engine
from streamlit.testing.v1 import AppTest
for page in {pages!r}:
    at = AppTest.from_file({main!r}, default_timeout=60)
    at.session_state["guest"] = "a" * 43
    at.switch_page(page)
    at.run()
    assert not at.exception, (page, at.exception)
    assert at.title, f"no title was drawn on {{page}}"
    print(json.dumps([page, sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


PAGES = sorted(path.name for path in (ROOT / "pages").glob("*.py") if path.stem != "main")


def test_no_page_loads_anything_heavy_to_show_itself() -> None:
    # the scripts as the server runs them, imports inside functions included; all in one process, so the first to offend is at fault
    code = SHOW.format(root=str(ROOT), main=str(ROOT / "pages" / "main.py"), pages=PAGES)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [page for page, _ in shown] == PAGES
    assert next((f"{page} loads {sorted(heavy)}" for page, names in shown if (heavy := set(names) & set(HEAVY))), "") == ""


def test_every_screen_is_tried_above() -> None:
    from pages.ui.screens import SCREENS

    assert {f"{name}.py" for name in SCREENS} == set(PAGES)


def test_vqcore_never_imports_streamlit() -> None:
    assert "streamlit" not in loaded_after("\n".join(f"import {name}" for name in modules("vqcore")))


def test_packages_import_nothing_by_themselves() -> None:
    full = [
        str(path)
        for folder in ("vqcore", "pages")
        for path in (ROOT / folder).rglob("__init__.py")
        if path != ROOT / "vqcore" / "__init__.py" and path.read_text(encoding="utf-8").strip()
    ]
    assert not full
    # the top one holds a docstring, for help(vqcore), and nothing else
    (statement,) = ast.parse((ROOT / "vqcore" / "__init__.py").read_text(encoding="utf-8")).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
