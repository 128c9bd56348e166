"""`repartee react TEXT`: one message answered, for a person or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import typer

from bot.cli._scopes import read_scope
from bot.cli._service import open_service
from bot.cli._settings import read_settings
from bot.cli.messages import (
    JSON_ANYWAY,
    NO_TEXT,
    NO_VIEWER,
    ONE_MESSAGE_ONLY,
    OUTPUT_WITHOUT_INPUT,
    TEXT_AND_FILE,
)
from bot.gentle import GENTLE
from inference.errors import MessageError
from inference.protocol import Reaction, ReactReply, ReactRequest, ranked_message

OFFERED = [*GENTLE, "cry"]  # who is alone with the command line may be shown tears, too


def check_options(
    text: Sequence[str] | None,
    input_file: str | None,
    output_file: str | None,
    *,
    as_json: bool,
    open_first: bool,
    scope: str = "",
) -> None:
    """Refuse options that do not go together.

    Raises:
        MessageError: says which.
    """
    if text is None and input_file is None:
        raise MessageError(NO_TEXT)
    if text is not None and input_file is not None:
        raise MessageError(TEXT_AND_FILE)
    if input_file is None and output_file is not None:
        raise MessageError(OUTPUT_WITHOUT_INPUT)
    if input_file is not None and open_first:
        raise MessageError(ONE_MESSAGE_ONLY.format(option="--open"))
    if input_file is not None and as_json:
        raise MessageError(JSON_ANYWAY)
    if input_file is not None and scope:
        raise MessageError(ONE_MESSAGE_ONLY.format(option="--scope"))


def react_to(text: str, k: int, *, as_json: bool, open_first: bool, scope: str = "") -> None:
    """Answer one message on stdout, as the server or workspace of `scope` would be answered.

    Raises:
        ReparteeError: names what is wrong and what to do.
    """
    reply = asyncio.run(_ask(ReactRequest(text=text, k=k, scope=read_scope(scope)), only_gentle=not as_json))
    if as_json:
        typer.echo(msgspec.json.encode(ranked_message(None, reply)))  # bytes: UTF-8 in any locale
        for note in reply.notes:
            typer.echo(note, err=True)
    else:
        from bot.cli._show import show

        show(reply, is_held=reply.is_held)
    if open_first and reply.reactions:
        _open(reply.reactions[0])


async def _ask(request: ReactRequest, *, only_gentle: bool) -> ReactReply:
    """Ask for reactions; once more, for gentle ones, where the message is grave and `only_gentle` says so."""
    async with open_service(read_settings()) as service:
        reply = await service.react(request)
        if reply.is_held and only_gentle:
            reply = await service.react(msgspec.structs.replace(request, categories=OFFERED))
        return reply


def _open(reaction: Reaction) -> None:
    if typer.launch(reaction.file) != 0:
        raise MessageError(NO_VIEWER.format(path=reaction.file))
