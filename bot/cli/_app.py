"""The commands of `repartee` and their options; what they do is in the modules beside this one."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bot.cli import _describe_messages, _mcp_messages, messages
from bot.cli._gifs import gifs
from bot.cli._plain import plain
from inference.errors import ReparteeError

LogFormat = Annotated[str | None, typer.Option(help="auto, json or console (auto).", show_default=False)]
HealthHost = Annotated[
    str | None, typer.Option(help="Address of the health port (127.0.0.1).", show_default=False)
]
Scope = Annotated[
    str,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="Also the own GIFs of discord:GUILD or slack:TEAM.",
        show_default="everybody",
    ),
]

app = typer.Typer(
    name="repartee",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=messages.HELP_EPILOG,
)


app.add_typer(gifs, name="gifs")


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"repartee {version('repartee')}")
        raise typer.Exit


@app.callback(help=messages.HELP)
def repartee(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Hold the options that go before a command."""


@app.command(help=messages.REACT_HELP, epilog=messages.REACT_EPILOG)
def react(
    text: Annotated[
        list[str] | None, typer.Argument(help="The message, best in quotes.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many GIFs at most.", metavar="N")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
    open_first: Annotated[bool, typer.Option("--open", help="Open the first GIF in a viewer.")] = False,
    scope: Scope = "",
    input_file: Annotated[
        str | None,
        typer.Option("--input", metavar="FILE", help='Rank many: lines of {"id", "text"}; - is stdin.'),
    ] = None,
    output_file: Annotated[
        str | None, typer.Option("--output", metavar="FILE", help="Where the ranked lines go; - is stdout.")
    ] = None,
) -> None:
    """Answer one message, or a file of them."""
    from bot.cli import _batch, _react

    _react.check_options(text, input_file, output_file, as_json=as_json, open_first=open_first, scope=scope)
    if input_file is not None:
        _batch.rank_file(input_file, output_file or "-", k)
    else:
        _react.react_to(" ".join(text or []), k, as_json=as_json, open_first=open_first, scope=scope)


@app.command(help=_describe_messages.HELP, epilog=_describe_messages.EPILOG)
def describe(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Pictures, animations.", show_default=False)
    ] = None,
    beam: Annotated[
        int, typer.Option("--beam", min=1, max=20, metavar="N", help="Sentences to weigh against each other.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object a line, for programs.")] = False,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="DIR", help="Another captioner.", show_default=False)
    ] = None,
) -> None:
    """Say what pictures show."""
    from bot.cli import _describe

    _describe.describe(files or [], bundle, beam=beam, as_json=as_json)


@app.command(name="eval", help=messages.EVAL_HELP, epilog=messages.EVAL_EPILOG)
def evaluate(
    annotations: Annotated[
        Path | None, typer.Argument(help="Annotated messages; by default ReactBench dev.", show_default=False)
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON; - is stdout.")
    ] = None,
) -> None:
    """Score the rankings on ReactBench."""
    from bot.cli import _eval

    _eval.evaluate(annotations, json_file)


@app.command(help=messages.INDEX_HELP)
def index(
    fresh: Annotated[bool, typer.Option("--fresh", help="Look at every GIF again.")] = False,
) -> None:
    """Bring the catalogue in step with the packs."""
    from bot.cli import _index

    _index.build(fresh=fresh)


@app.command(help=messages.WORKER_HELP, epilog=messages.WORKER_EPILOG)
def worker(
    threads: Annotated[
        int | None,
        typer.Option(help="Batches at a time, a CPU thread each (1).", show_default=False),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Messages a batch, at most (8).", show_default=False)
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda (cpu).", show_default=False)] = None,
    host: HealthHost = None,
    port: Annotated[
        int | None, typer.Option(help="Health port, 0 for a free one (9464).", show_default=False)
    ] = None,
    cache: Annotated[
        bool | None,
        typer.Option("--cache/--no-cache", help="Keep results for a while (yes).", show_default=False),
    ] = None,
    log_format: LogFormat = None,
) -> None:
    """Answer what comes through Redis."""
    from bot.settings import RedisSettings, WorkerSettings, read

    redis = read(RedisSettings)
    given = {"threads": threads, "batch": batch, "device": device, "host": host, "port": port}
    settings = read(WorkerSettings, **given, cache=cache, log_format=log_format)
    from bot.cli import _worker

    _worker.run(redis, settings)


@app.command(help=messages.DISCORD_HELP, epilog=messages.DISCORD_EPILOG)
def discord(
    host: HealthHost = None,
    port: Annotated[
        int | None, typer.Option(help="Health port, 0 for a free one (9465).", show_default=False)
    ] = None,
    log_format: LogFormat = None,
) -> None:
    """Answer in Discord."""
    from bot.settings import DiscordSettings, read

    settings = read(DiscordSettings, host=host, port=port, log_format=log_format)
    from bot.cli import _discord

    _discord.run(settings)


@app.command(help=messages.SLACK_HELP, epilog=messages.SLACK_EPILOG)
def slack(
    host: Annotated[
        str | None, typer.Option(help="Address of the port (127.0.0.1).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of health and HTTP, 0 for a free one (9466).", show_default=False)
    ] = None,
    log_format: LogFormat = None,
) -> None:
    """Answer in Slack."""
    from bot.settings import SlackSettings, read

    settings = read(SlackSettings, host=host, port=port, log_format=log_format)
    from bot.cli import _slack

    _slack.run(settings)


@app.command(help=messages.WEB_HELP, epilog=messages.WEB_EPILOG)
def web(
    host: Annotated[
        str | None, typer.Option(help="Address of the page (127.0.0.1).", show_default=False)
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port of the page, 0 for a free one (8080).", show_default=False)
    ] = None,
    log_format: LogFormat = None,
) -> None:
    """Serve the page."""
    from bot.settings import WebSettings, read

    settings = read(WebSettings, host=host, port=port, log_format=log_format)
    from bot.cli import _web

    _web.run(settings)


@app.command(help=messages.RELOAD_HELP, epilog=messages.RELOAD_EPILOG)
def reload(
    bundle: Annotated[
        str | None, typer.Option(help="Folder of another bundle, as the workers see it.", show_default=False)
    ] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(help="Folder of a pack instead of theirs; repeatable.", show_default=False),
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds to wait for the workers.")
    ] = 120,
) -> None:
    """Let running workers load bundle and packs anew."""
    from bot.cli import _reload

    _reload.reload(bundle, pack, timeout_s)


@app.command(help=_mcp_messages.MCP_HELP, epilog=_mcp_messages.MCP_EPILOG)
def mcp(
    scope: Scope = "",
    read_only: Annotated[bool, typer.Option("--read-only", help="Leave out all that changes packs.")] = False,
) -> None:
    """Serve assistants."""
    from bot.cli import _mcp

    _mcp.run(scope, is_read_only=read_only)


def _write_what_can_be_written() -> None:
    """Let stdout replace characters that its encoding lacks, as stderr always does, instead of failing."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a program that embeds this may have put anything there
        sys.stdout.reconfigure(errors="replace")


def main() -> NoReturn:
    """Run the command line; an expected failure is one sentence on stderr and exit code 2."""
    _write_what_can_be_written()
    try:
        app()
    except ReparteeError as error:
        print(plain(str(error)), file=sys.stderr)
    except BrokenPipeError:  # the reader of our output has gone, there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(messages.NO_ANSWER.format(reason=error.strerror), file=sys.stderr)
    sys.exit(2)
