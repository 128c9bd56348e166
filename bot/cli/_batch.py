"""`repartee react --input`: many messages ranked into a file, which appears whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import typer

from bot.cli._files import read_bytes, whole_file
from bot.cli._service import open_local, progress_bar
from bot.cli._settings import read_settings
from bot.cli.messages import BAD_LINE, BAD_LINES, EMPTY_LINE, MANY_CUT, MANY_FOREIGN, MANY_NOTES, RANKING
from inference.client import MAX_TIMEOUT_S, LocalService
from inference.errors import MessageError
from inference.lines import numbered_lines
from inference.protocol import ReactRequest, ranked_message

NAMED_PROBLEMS = 5


class InputLine(msgspec.Struct, frozen=True):
    """A message to rank; other fields of the line are ignored."""

    id: str | int
    text: str


def rank_file(source: str, target: str, k: int) -> None:
    """Rank every message of a file; what was hard to read is counted on stderr.

    Raises:
        ReparteeError: a file cannot be read or written, or lines are unreadable (they are numbered).
    """
    raw = read_bytes(source)
    asyncio.run(_rank(raw, source, target, k))


async def _rank(raw: bytes, source: str, target: str, k: int) -> None:
    async with open_local(read_settings()) as service:
        service.check_count(k)
        messages = _read_messages(raw, source, service)
        cut = foreign = 0
        with whole_file(target) as file, progress_bar(RANKING) as progress:
            for done, message in enumerate(messages, start=1):
                reply = await service.react(ReactRequest(text=message.text, k=k, timeout_s=MAX_TIMEOUT_S))
                file.write(msgspec.json.encode(ranked_message(message.id, reply)) + b"\n")
                cut, foreign = cut + reply.is_cut, foreign + reply.is_foreign
                progress(done, len(messages))
    _warn(len(messages), cut, foreign)


def _read_messages(raw: bytes, source: str, service: LocalService) -> list[InputLine]:
    decoder = msgspec.json.Decoder(InputLine)
    messages, problems = [], []
    for number, line in numbered_lines(raw):
        try:
            message = decoder.decode(line)
            service.check_text(message.text)
            messages.append(message)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problems.append(BAD_LINE.format(number=number, reason=error))
        except MessageError:
            problems.append(EMPTY_LINE.format(number=number))
    if problems:
        raise MessageError(_name(problems, source))
    return messages


def _name(problems: Sequence[str], source: str) -> str:
    named = "; ".join(problems[:NAMED_PROBLEMS])
    if len(problems) > NAMED_PROBLEMS:
        named += f"; and {len(problems) - NAMED_PROBLEMS} lines more"
    return BAD_LINES.format(path=source, problems=named, them="it" if len(problems) == 1 else "them")


def _warn(total: int, cut: int, foreign: int) -> None:
    counts = ((MANY_CUT, cut), (MANY_FOREIGN, foreign))
    notes = [sentence.format(count=count) for sentence, count in counts if count]
    if notes:
        typer.echo(MANY_NOTES.format(total=total, notes="; ".join(notes)), err=True)
