"""How the tests of the command line call it."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from vqcore.cli.main import app

SMALL = ("--preset", "digits", "--set", "model.hidden=8", "--set", "train.threads=1", "--set", "train.evaluation_images=16")


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)
