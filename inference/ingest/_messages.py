"""What the parent and a child say to each other: MessagePack behind a length, over pipes; no pickle."""

from __future__ import annotations

from typing import IO, TypeVar

import msgspec

from inference.ingest._submission import MIB, Options, StageReport, Submission
from inference.pack import PackGif

LENGTH_BYTES = 4
LONGEST = 256 * MIB  # what claims to be longer is no message


class Setup(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """First of all: folders of the models, how GIFs are taken in, how much memory (bytes) may be added.

    `captioner` is empty where no captions are wanted.
    """

    bundle: str
    options: Options
    memory_bytes: int
    captioner: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A file to work on."""

    submission: Submission


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Whether to go on after a question."""

    goes_on: bool


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All models are loaded."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The captioner is loaded next, before `Ready`: a process that ends then may do better without it."""


class Remark(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What is wrong and yet does not keep GIFs from being taken in, as a sentence; at any time."""

    text: str


class Report(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A stage is over."""

    stage: StageReport


class Question(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Is there a GIF that looks like this (BYTES,) uint8?"""

    fingerprint: bytes


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All that is to be stored: the GIF, what is said of it, fingerprint, vector (float32) of `model`."""

    entry: PackGif
    data: bytes
    fingerprint: bytes
    vector: bytes
    model: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The file cannot be taken in; `place` names the line of code where the reason is not the file's."""

    text: str
    code: str
    place: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Nothing can be taken in."""

    text: str


ToChild = Setup | Job | Answer
FromChild = Attempt | Remark | Ready | Report | Question | Prepared | Refusal | Failure

Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()
to_child: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)
from_child: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)


def write(stream: IO[bytes], message: ToChild | FromChild) -> None:
    """Write one message.

    Raises:
        OSError: nobody reads.
    """
    body = _encoder.encode(message)
    stream.write(len(body).to_bytes(LENGTH_BYTES, "little") + body)
    stream.flush()


def read(stream: IO[bytes], decoder: msgspec.msgpack.Decoder[Message]) -> Message:
    """Wait for one message.

    Raises:
        EOFError: the other side is gone.
        ValueError: what comes is no message.
    """
    length = int.from_bytes(_read_all(stream, LENGTH_BYTES), "little")
    if length > LONGEST:
        raise ValueError(f"a message of {length} bytes")
    return decoder.decode(_read_all(stream, length))


def _read_all(stream: IO[bytes], count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
