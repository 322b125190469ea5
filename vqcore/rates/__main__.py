"""Makes the models behind the sliders of Bits anew: `python -m vqcore.rates`. About ten minutes on one core."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vqcore.rates.points import BUNDLED, CODES, GRIDS, read


def main(
    out: Annotated[Path, typer.Option(help="The folder that they are written to.")] = BUNDLED,
    codes: Annotated[list[int] | None, typer.Option(help="Only models with so many codes. May be given several times.")] = None,
    side: Annotated[list[int] | None, typer.Option(help="Only models whose grid has this side. May be given several times.")] = None,
) -> None:
    """Train every model that Bits shows, and write it with its pictures and its error."""
    from vqcore.rates.models import train

    for places in side or GRIDS:
        for K in codes or CODES:
            path = train(K, places, out)
            point = read(K, places, out)
            assert point is not None
            typer.echo(f"{path.name}: NMSE {point.nmse:.4f}, codes used {point.used} of {K}, {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    typer.run(main)
