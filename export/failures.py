"""What the command line says of failures that are known: one sentence and an exit code, no traceback."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from export.checkpoints.errors import CheckpointError
from inference.errors import ReparteeError

EXIT_CODE = 2

MADE_BY: Mapping[str, str] = {
    "opinions.npz": "train teacher",
    "held_out.npz": "train text --fold 0",
    "training.json": "train text",
    "weights.msgpack": "train vision",
    "config.json": "train vision",
    "house.json": "train assemble",
    "categories.npy": "train assemble",
}
"""File name to the command that writes the file; models have their own rule."""


class Failing(TyperGroup):
    """A group of commands whose known failures end in one sentence on standard error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with code 2, of a known failure.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (ReparteeError, FloatingPointError, OSError) as error:
            typer.echo(f"Error: {sentence(error)}", err=True)
            raise typer.Exit(EXIT_CODE) from error


def sentence(error: Exception) -> str:
    """Say in one line what failed, and which command makes a file that is missing."""
    cause = error if isinstance(error, OSError) else error.__cause__
    text = _of_system(error) if isinstance(error, OSError) else " ".join(str(error).split())
    if isinstance(error, FloatingPointError):
        text += "; start again in another folder with a lower learning rate"
    text = text.rstrip(".")
    if isinstance(cause, FileNotFoundError) and cause.filename:
        text += _advice(Path(cause.filename), is_model=isinstance(error, CheckpointError))
    return f"{text}."


def _of_system(error: OSError) -> str:
    """Name the file, which the text of a failed system call may leave out."""
    if error.filename is None:
        return " ".join(str(error).split()) or type(error).__name__
    missing = isinstance(error, FileNotFoundError)
    return f"{error.filename} {'is missing' if missing else f'cannot be used: {error.strerror}'}"


def _advice(path: Path, *, is_model: bool) -> str:
    command = MADE_BY.get(path.name)
    if is_model and path.name in ("config.json", "flax_model.msgpack"):
        command = "train text" if path.parent.name == "model" else "train assemble"
    return f"; run python -m export {command} first" if command else ""
