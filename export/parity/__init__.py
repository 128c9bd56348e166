"""Checks the models and the preprocessing here against recorded outputs of the original implementations.

`python -m export parity DIR` is the command; a case is a folder of one model's config, parameters, inputs
and outputs.
"""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to the app; what it needs is imported when it runs."""

    @app.command()
    def parity(
        directory: Annotated[Path, typer.Argument(metavar="DIR", help="One case, or a folder of cases.")],
        json_indent: Annotated[
            int | None, typer.Option(min=0, help="Indent the JSON by so many spaces.")
        ] = None,
    ) -> None:
        """Recompute every recorded output and print the largest differences as JSON.

        Exits with 1 where a difference is beyond tolerance or something is missing or unreadable.
        """
        from export.parity.command import run

        raise typer.Exit(run(directory, json_indent))
