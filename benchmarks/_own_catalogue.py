"""A catalogue of as many own GIFs as one likes, and how soon a running engine finds one more.

The entries are those of the shipped pack with an id and a name of their own, the vectors lie around the
anchors of their categories. There are no files: nobody looks into a file whose vector is known.
"""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from inference.bundle import Bundle
from inference.catalogue import NewGif, OwnGifs
from inference.catalogue._gifs import content_of
from inference.encoders import TextEncoder
from inference.engine import Engine
from inference.fingerprints import BYTES, KIND
from inference.follow import Follower
from inference.fusion import own_vector_key
from inference.pack import PackGif
from inference.vectors import unit

SPREAD = 0.7
PATIENCE_S = 60.0
ASKED = 20
MESSAGE = "we won the game, I am so happy right now"


def fill(catalogue: Path, bundle: Bundle, gifs: Sequence[PackGif], count: int) -> None:
    """Add so many GIFs that everybody sees, in one transaction."""
    OwnGifs(catalogue).close()  # makes the tables
    rng, model = np.random.default_rng(0), own_vector_key(bundle)
    names = bundle.spec.categories.names
    rows = np.array([names.index(gif.categories[0]) for gif in gifs])
    noise = rng.normal(size=(count, bundle.spec.embedding_dim)) / np.sqrt(bundle.spec.embedding_dim)
    vectors = unit(bundle.anchors[rows[np.arange(count) % len(gifs)]] + SPREAD * noise)
    looks = rng.integers(0, 256, (count, BYTES), np.uint8)
    entries = [_entry(gifs[number % len(gifs)], number) for number in range(count)]
    contents = [content_of(entry) for entry in entries]

    def lines() -> Iterator[tuple[object, ...]]:
        for number, entry in enumerate(entries):
            stored, look = msgspec.json.encode(entry), looks[number].tobytes()
            known = (entry.id, "own", stored, contents[number], entry.id, 0, 1_000, number + 1, KIND, look)
            yield "", *known

    database = sqlite3.connect(catalogue)
    with database:
        database.executemany(f"INSERT INTO own_gifs VALUES ({', '.join('?' * 11)})", lines())
        database.executemany(
            "INSERT INTO own_vectors VALUES ('', ?, ?, ?, ?)",
            (
                (entry.id, model, content, np.asarray(vector, "<f4").tobytes())
                for entry, content, vector in zip(entries, contents, vectors, strict=True)
            ),
        )
        database.execute("INSERT OR REPLACE INTO meta VALUES ('revision', ?)", (str(count),))
    database.close()


def found_after(catalogue: Path, engine: Engine, rounds: int) -> list[float]:
    """Add one GIF after the other while an engine follows; return seconds until each is an answer.

    Raises:
        TimeoutError: one is not found.
    """
    serving, is_new = [engine], threading.Event()

    def swap(old: Engine, new: Engine) -> None:
        serving[0] = new
        is_new.set()

    follower = Follower(catalogue, lambda: serving[0], swap)
    follower.start()
    try:
        with OwnGifs(catalogue) as own:
            return [_found_after(own, serving, is_new, number) for number in range(rounds)]
    finally:
        follower.close()


def _found_after(own: OwnGifs, serving: list[Engine], is_new: threading.Event, number: int) -> float:
    new = _like(serving[0].bundle, MESSAGE, number)
    started = time.perf_counter()
    gif = own.add(new)
    while time.perf_counter() - started < PATIENCE_S:
        if not is_new.wait(PATIENCE_S):
            break
        is_new.clear()
        reply = serving[0].react(MESSAGE, ASKED, categories=gif.entry.categories)
        if any(reaction.id == gif.id for reaction in reply.reactions):
            return time.perf_counter() - started
    raise TimeoutError(f"{gif.entry.name} is not found")


def _like(bundle: Bundle, message: str, number: int) -> NewGif:
    """Return a GIF whose vector is that of a message."""
    text = TextEncoder(bundle)
    vector, _ = text.encode(text.tokenise(message).ids)
    row = int((bundle.anchors @ vector).argmax())
    data = b"GIF89a" + number.to_bytes(4, "little")
    entry = _entry(_blank(bundle.spec.categories.names[row]), -number - 1)
    return NewGif(
        scope="",
        pack="own",
        entry=msgspec.structs.replace(entry, id=hashlib.sha256(data).hexdigest()),
        origin=hashlib.sha256(data + b"origin").hexdigest(),
        data=data,
        fingerprint=np.random.default_rng(1_000_000 + number).integers(0, 256, BYTES, np.uint8),
        vector=vector,
        model=own_vector_key(bundle),
    )


def _blank(category: str) -> PackGif:
    return PackGif(
        id="0" * 64, file="-", name="new", categories=[category], tags=[], alt_text="New.", licence="CC0-1.0"
    )


def _entry(gif: PackGif, number: int) -> PackGif:
    identity = hashlib.sha256(str(number).encode()).hexdigest()
    place = f"{identity[:2]}/{identity}.gif"
    return msgspec.structs.replace(gif, id=identity, file=place, name=f"{gif.name} {number}")
