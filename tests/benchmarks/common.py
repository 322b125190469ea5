"""What the benchmark scripts share: options, settings, and how a result is printed. Run them from the repository's root."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

from vqcore.cli.bench import settings


def options(description: str | None) -> argparse.ArgumentParser:
    """`--json` and `--quick`, which every script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print JSON, with everything that a figure depends on")
    parser.add_argument("--quick", action="store_true", help="as small as it goes, to see that it works; not for figures")
    return parser


def report(title: str, rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows that share their columns, with the settings."""
    if as_json:
        sys.stdout.write(json.dumps({"benchmark": title, "settings": settings(), "rows": rows}, indent=1) + "\n")
        return
    console = Console(soft_wrap=True, highlight=False)
    # a few runs, each with many figures, lie on their side
    upright = len(rows) > len(rows[0])
    table = Table(title=title, title_justify="left", show_header=upright)
    if upright:
        for name in rows[0]:
            table.add_column(name.replace("_", " "), justify="left" if isinstance(rows[0][name], str) else "right")
        for row in rows:
            table.add_row(*(_figure(value) for value in row.values()))
    else:
        for name in rows[0]:
            table.add_row(name.replace("_", " "), *(_figure(row[name]) for row in rows))
    console.print(table)
    console.print("\n".join(f"{name}: {value}" for name, value in settings().items()), markup=False)


def _figure(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def skip(reason: str) -> NoReturn:
    """End without a result, and without a failure."""
    sys.stderr.write(f"Skipped: {reason}\n")
    raise SystemExit(0)
