"""Results that are kept in Redis for a while: how a message ranks, under a keyed hash of its text.

Neither the text nor the model's vector of it is kept, only the best GIFs and how the categories vote. Who can
read Redis but does not know the secret cannot even try out which messages were sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from inference.encoders import Tokens
from inference.engine import Engine, Reading
from inference.picker import Ranking
from inference.redis_link import Link
from inference.scripts import LOOKUP, STORE
from inference.wire import Keys

KEPT_GIFS = 128
LONGEST = 1_000  # characters; what is longer hardly comes again
DIGEST_BYTES = 16
VERSION = "2"  # of what is kept and of how GIFs are ranked: to be raised when either changes


@dataclass(frozen=True)
class CacheConfig:
    """How much is kept, in entries of about a kilobyte, for how long, and under which secret."""

    secret: bytes
    size: int = 10_000
    life_s: int = 600


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    is_cut: bool
    is_foreign: bool
    hold: float
    is_whole: bool
    positions: bytes
    scores: bytes
    votes: bytes


class ResultCache:
    """Readings by bundle, catalogue version and cleaned text, shared by all workers that have the secret."""

    def __init__(self, link: Link, keys: Keys, config: CacheConfig) -> None:
        self._link = link
        self._keys = [keys.cache, keys.cache_ages]
        self._config = config
        self._key = hashlib.blake2b(config.secret, digest_size=32).digest()
        self._decoder = msgspec.msgpack.Decoder(_Kept)

    def digest(self, engine: Engine, tokens: Tokens, scope: str = "") -> bytes | None:
        """Return the key of a message in a scope, None where it is not worth keeping."""
        if len(tokens.text) > LONGEST:
            return None
        hashed = hashlib.blake2b(key=self._key, digest_size=DIGEST_BYTES)
        for part in (VERSION, engine.fingerprint, engine.stock.key_of(scope), tokens.text):
            hashed.update(part.encode(errors="surrogatepass") + b"\0")
        return hashed.digest()

    async def lookup(
        self, engine: Engine, digests: Sequence[bytes | None], tokens: Sequence[Tokens]
    ) -> list[Reading | None]:
        """Return what is kept under each digest, None where it is nothing or garbage."""
        asked = [digest for digest in digests if digest is not None]
        if not asked:
            return [None] * len(digests)
        found = iter(await self._link.run_script(LOOKUP, self._keys, asked))
        return [
            self._decode(engine, next(found), words) if digest is not None else None
            for digest, words in zip(digests, tokens, strict=True)
        ]

    async def store(self, readings: Sequence[tuple[bytes, Reading]]) -> None:
        """Keep readings; the oldest make room."""
        if readings:
            flat = [part for digest, reading in readings for part in (digest, _encode(reading))]
            limits = [self._config.size, self._config.life_s * 1000]
            await self._link.run_script(STORE, self._keys, [*limits, *flat])

    def _decode(self, engine: Engine, raw: bytes, tokens: Tokens) -> Reading | None:
        if not raw:
            return None
        try:
            kept = self._decoder.decode(raw)
            ranking = Ranking(
                np.frombuffer(kept.positions, "<u4").astype(np.int64),
                np.frombuffer(kept.scores, "<f4"),
                np.frombuffer(kept.votes, "<f4"),
                kept.is_whole,
            )
        except (msgspec.DecodeError, ValueError):
            return None
        shapes = (ranking.scores.shape, ranking.votes.shape)
        if shapes != (ranking.positions.shape, (len(engine.bundle.anchors),)):
            return None
        if (ranking.positions >= engine.stock.rows).any():
            return None
        return Reading(tokens.text, kept.is_cut, kept.is_foreign, kept.hold, ranking)


def _encode(reading: Reading) -> bytes:
    ranking = reading.ranking.top(KEPT_GIFS)
    kept = _Kept(
        reading.is_cut,
        reading.is_foreign,
        reading.hold,
        ranking.is_whole,
        ranking.positions.astype("<u4").tobytes(),
        ranking.scores.astype("<f4").tobytes(),
        ranking.votes.astype("<f4").tobytes(),
    )
    return msgspec.msgpack.encode(kept)
