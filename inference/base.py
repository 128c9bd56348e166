"""Which GIFs the large index is made of.

While every category is small that is all there are. A graph, however, takes minutes to build: it goes on
being used while few GIFs came or went since, so it is remembered which ones it was built of.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle
from inference.catalogue import CatalogueGif, Snapshot
from inference.holdings import SHARED, Addition, Floats, Holdings
from inference.pack import PackGif
from inference.picker import primary_rows
from inference.said import Tags

TOLERATED = 1_000  # GIFs that came or went since a graph was built, or
TOLERATED_SHARE = 10  # a tenth of those in it


class _Row(msgspec.Struct, array_like=True, frozen=True):
    id: str
    content: str
    category: int


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    version: str
    rows: list[_Row]


class Base(NamedTuple):
    """The rows of the large index with their (n, dim) float32 vectors, and what is not in it.

    `version` names this content.
    """

    holdings: Holdings
    vectors: Floats
    version: str
    rest: list[Addition]


def lay_out(
    bundle: Bundle, snapshot: Snapshot, own: Sequence[Addition], place: Path, exact_limit: int
) -> Base:
    """Arrange the GIFs of the packs and the own ones for everybody as the large index has them.

    Args:
        bundle: the model.
        snapshot: the GIFs of the packs.
        own: all own GIFs.
        place: where it is remembered what a graph was built of.
        exact_limit: categories with more GIFs than this need a graph.
    """
    shipped = primary_rows(bundle, snapshot.gifs)
    shared = {one.gif.entry.id: one for one in own if one.scope == SHARED}
    later = [one for one in own if one.scope != SHARED]
    rows = [_Row(one.gif.entry.id, one.content, one.row) for one in shared.values()]
    counts = np.bincount([*shipped.tolist(), *(row.category for row in rows)], minlength=1)
    if rows and counts.max() > exact_limit:
        rows = _remembered(place, snapshot.version, rows)
    version = _digest(snapshot.version, rows)
    placed = [_placed(shared, row) for row in rows]
    held = {one.gif.entry.id for one in placed if one is not None}
    rest = [one for name, one in shared.items() if name not in held]
    holdings = _holdings(bundle, snapshot, shipped, rows, placed)
    dim = bundle.spec.embedding_dim
    added = [np.zeros(dim, np.float32) if one is None else one.vector for one in placed]
    vectors = _below(snapshot.vectors, added)
    return Base(holdings, vectors, version, [*rest, *later])


def _placed(shared: dict[str, Addition], row: _Row) -> Addition | None:
    """Return the GIF of a row, None where it is gone or has become another."""
    found = shared.get(row.id)
    return found if found is not None and found.content == row.content else None


def _holdings(
    bundle: Bundle,
    snapshot: Snapshot,
    shipped: NDArray[np.intp],
    rows: Sequence[_Row],
    placed: Sequence[Addition | None],
) -> Holdings:
    count, nothing = len(snapshot.gifs), np.zeros(snapshot.fingerprints.shape[1], np.uint8)
    gifs = [_gone(row) if one is None else one.gif for row, one in zip(rows, placed, strict=True)]
    looks = [nothing if one is None else one.fingerprint for one in placed]
    holdings = Holdings.of(
        [*snapshot.gifs, *gifs],
        np.concatenate([shipped, np.array([row.category for row in rows], np.intp)]),
        _below(snapshot.fingerprints, looks),
        bundle.spec.embedding_dim,
    )
    is_gone = holdings.is_gone.copy()
    is_gone[count:] = [one is None for one in placed]
    own = {(SHARED, row.id): count + n for n, row in enumerate(rows) if placed[n] is not None}
    layout = hashlib.sha256(holdings.layout.encode())
    for row, one in zip(rows, placed, strict=True):
        layout.update(f"{row.content} {one is None}\n".encode())
    tags = Tags().extended(
        ((SHARED, count + n, one.gif.entry) for n, one in enumerate(placed) if one is not None)
    )
    return dataclasses.replace(
        holdings, is_gone=is_gone, packed=count, own=own, layout=layout.hexdigest(), tags=tags
    )


def _below(above: NDArray[Any], rows: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Put rows below a matrix, copied once only: they may be a hundred megabytes."""
    if not rows:
        return above
    joined = np.empty((len(above) + len(rows), above.shape[1]), above.dtype)
    joined[: len(above)] = above
    np.stack(rows, out=joined[len(above) :])
    return joined


def _gone(row: _Row) -> CatalogueGif:
    entry = PackGif(
        id=row.id, file="gone", name="gone", categories=["gone"], tags=[], alt_text="gone", licence="gone"
    )
    return CatalogueGif(Path("gone"), entry)


def _remembered(place: Path, version: str, rows: list[_Row]) -> list[_Row]:
    """Return what a graph was built of where it still serves, else `rows`, which are remembered then."""
    now = {row.id: row.content for row in rows}
    with contextlib.suppress(OSError, msgspec.DecodeError):
        kept = msgspec.msgpack.decode(place.read_bytes(), type=_Kept)
        same = sum(now.get(row.id) == row.content for row in kept.rows)
        changes = len(kept.rows) + len(rows) - 2 * same
        if kept.version == version and changes <= max(TOLERATED, len(kept.rows) // TOLERATED_SHARE):
            return kept.rows
    with contextlib.suppress(OSError):
        part = place.with_name(f"{place.name}.{os.getpid()}.part")
        part.write_bytes(msgspec.msgpack.encode(_Kept(version, rows)))
        part.replace(place)
    return rows


def _digest(version: str, rows: Sequence[_Row]) -> str:
    if not rows:
        return version
    digest = hashlib.sha256(version.encode())
    for row in rows:
        digest.update(f"{row.id} {row.content}\n".encode())
    return digest.hexdigest()[:16]
