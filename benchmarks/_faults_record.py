"""What a server says itself about who was answered: its append-only file, read command by command.

It holds every change in the order in which it was made, those inside scripts too, whatever clients and
workers believe. The id of an entry in a stream is the time at which it was added.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from inference.protocol import ReactReply, decode_reply
from inference.wire import Keys, read_entry

REQUESTS = Keys().requests.encode()
LINE_END = b"\r\n"


class Call(NamedTuple):
    """One call of one client: the stream of its replies, its number in it."""

    stream: str
    number: str


class Asked(NamedTuple):
    """A request in the stream; a call that was asked again has several."""

    call: Call
    id: str
    deadline_ms: int


class Sent(NamedTuple):
    """A reply: when it was sent, and whether it is an answer or a typed error."""

    at_ms: int
    is_answer: bool


class Takeover(NamedTuple):
    """A request that one worker owed and another took over."""

    call: Call
    owner: str


@dataclass
class Record:
    """What one server did with its data, from the first to the last; `asked` is by entry."""

    asked: dict[bytes, Asked] = field(default_factory=dict)
    replies: dict[Call, list[Sent]] = field(default_factory=lambda: defaultdict(list))
    takeovers: list[Takeover] = field(default_factory=list)


def read_record(folder: Path) -> Record:
    """Read the append-only file in the data folder of a server."""
    raw = b"".join(path.read_bytes() for path in sorted((folder / "appendonlydir").glob("*.incr.aof")))
    return record_of(commands(raw))


def record_of(done: Iterator[Sequence[bytes]]) -> Record:
    """Put together what changes mean."""
    record, owners = Record(), dict[bytes, str]()
    for name, *arguments in done:
        if name.upper() == b"XADD" and arguments[0] == REQUESTS:
            _note_request(record, arguments[1:])
        elif name.upper() == b"XADD" and arguments[-4:-3] == [b"call"]:
            _note_reply(record, arguments)
        elif name.upper() == b"XCLAIM":
            _note_owner(record, owners, arguments)
    return record


def _note_request(record: Record, arguments: Sequence[bytes]) -> None:
    entry, *flat = arguments
    read = read_entry(entry, dict(zip(flat[::2], flat[1::2], strict=True)))
    record.asked[entry] = Asked(Call(read.reply, read.call), read.id, read.deadline_ms)


def _note_reply(record: Record, arguments: Sequence[bytes]) -> None:
    entry, _, number, _, payload = arguments[-5:]
    call = Call(arguments[0].decode(), number.decode())
    is_answer = isinstance(decode_reply(payload), ReactReply)
    record.replies[call].append(Sent(int(entry.partition(b"-")[0]), is_answer))


def _note_owner(record: Record, owners: dict[bytes, str], arguments: Sequence[bytes]) -> None:
    """Note who reads a request; reads in a group are recorded as claims too."""
    owner, entry = arguments[2].decode(), arguments[4]
    former = owners.get(entry, owner)
    if former != owner and entry in record.asked:
        record.takeovers.append(Takeover(record.asked[entry].call, former))
    owners[entry] = owner


def commands(raw: bytes) -> Iterator[list[bytes]]:
    """Yield the changes in an append-only file; a command or transaction that was cut off did not happen."""
    transaction: list[list[bytes]] | None = None
    for command in _whole_commands(raw):
        name = command[0].upper()
        if name == b"MULTI":
            transaction = []
        elif name == b"EXEC":
            yield from transaction or ()
            transaction = None
        elif transaction is not None:
            transaction.append(command)
        else:
            yield command


def _whole_commands(raw: bytes) -> Iterator[list[bytes]]:
    """Yield what is written as `*2 $4 ECHO $2 hi`, each part but the words with a line of its own."""
    place = 0
    while (end := raw.find(LINE_END, place)) >= 0:
        if raw[place : place + 1] == b"#":  # a note of the time
            place = end + len(LINE_END)
            continue
        command: list[bytes] = []
        count, place = int(raw[place + 1 : end]), end + len(LINE_END)
        for _ in range(count):
            end = raw.find(LINE_END, place)
            if end < 0:
                return
            start = end + len(LINE_END)
            stop = start + int(raw[place + 1 : end])
            place = stop + len(LINE_END)
            if place > len(raw):
                return
            command.append(raw[start:stop])
        yield command
