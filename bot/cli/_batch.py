"""`repartee react --input`: many messages ranked into a file, which appears whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bot.cli._files import read_bytes, whole_file
from bot.cli._service import open_engine, progress_bar
from bot.cli._settings import read_settings
from bot.messages import BAD_LINE, BAD_LINES, EMPTY_LINE, RANKING
from inference.errors import MessageError
from inference.protocol import ranked_message

if TYPE_CHECKING:
    from inference.engine import Engine

CHUNK = 512
NAMED_PROBLEMS = 5


class InputLine(msgspec.Struct, frozen=True):
    """A message to rank; other fields of the line are ignored."""

    id: str | int
    text: str


def rank_file(source: str, target: str, k: int) -> None:
    """Rank every message of a file.

    Raises:
        ReparteeError: a file cannot be read or written, or lines are unreadable (they are numbered).
    """
    raw = read_bytes(source)
    engine = open_engine(read_settings())
    engine.check_count(k)
    messages = _read_messages(raw, source, engine)
    with whole_file(target) as file, progress_bar(RANKING) as progress:
        for start in range(0, len(messages), CHUNK):
            chunk = messages[start : start + CHUNK]
            replies = engine.react_many([message.text for message in chunk], k)
            for message, reply in zip(chunk, replies, strict=True):
                file.write(msgspec.json.encode(ranked_message(message.id, reply)) + b"\n")
            progress(start + len(chunk), len(messages))


def _read_messages(raw: bytes, source: str, engine: Engine) -> list[InputLine]:
    decoder = msgspec.json.Decoder(InputLine)
    messages, problems = [], []
    for number, line in enumerate(raw.split(b"\n"), start=1):
        if line.strip():
            try:
                message = decoder.decode(line)
                engine.check_text(message.text)
                messages.append(message)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                problems.append(BAD_LINE.format(number=number, reason=error))
            except MessageError:
                problems.append(EMPTY_LINE.format(number=number))
    if problems:
        named = "; ".join(problems[:NAMED_PROBLEMS])
        if len(problems) > NAMED_PROBLEMS:
            named += f"; and {len(problems) - NAMED_PROBLEMS} lines more"
        them = "it" if len(problems) == 1 else "them"
        raise MessageError(BAD_LINES.format(path=source, problems=named, them=them))
    return messages
