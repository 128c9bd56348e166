"""The command line of the training side: `python -m export parity|train|onnx|half|captioner|import`."""

import importlib
import sys

import typer

from export.failures import Failing

COMMANDS = {
    "parity": "export.parity",
    "train": "export.train",
    "onnx": "export.onnx",
    "half": "export.half",
    "captioner": "export.captioner_command",
    "import": "export.importing.command",
}
"""A command's module has `register(app)`; only the module of the command that is asked for is imported."""


def build_app(arguments: list[str]) -> typer.Typer:
    """Return an app with the command that the arguments name, or with all of them where they name none."""
    app = typer.Typer(cls=Failing, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @app.callback()
    def main() -> None:
        """Make, check and export the models."""

    asked = [COMMANDS[arguments[0]]] if arguments and arguments[0] in COMMANDS else list(COMMANDS.values())
    for module in asked:
        importlib.import_module(module).register(app)
    return app


if __name__ == "__main__":
    build_app(sys.argv[1:])(prog_name="python -m export")
