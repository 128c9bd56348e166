"""From the vector of a message to finished reactions: search, variety, confidence, reason."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle
from inference.catalogue import Snapshot
from inference.index import VectorIndex
from inference.protocol import Reaction
from inference.ranker import confidence, explain, vary

FIRST_CANDIDATES = 512
TELLING = 4  # letters that a tag needs to be given as a reason

Floats = NDArray[np.float32]
_PUNCTUATION = str.maketrans(dict.fromkeys('.,;:!?"()*_~/', " "))


class Picker:
    """Picks GIFs of one snapshot; all that does not depend on the message is made beforehand."""

    def __init__(self, bundle: Bundle, snapshot: Snapshot, index: VectorIndex) -> None:
        spec = bundle.spec
        self._index = index
        self._calibration = spec.calibration
        self._entries = [gif.entry for gif in snapshot.gifs]
        self._primary = [entry.categories[0] for entry in self._entries]
        self._spoken = [category.replace("_", " ") for category in self._primary]
        self._tags = [
            [f" {tag.lower()} " for tag in entry.tags if len(tag) >= TELLING] for entry in self._entries
        ]
        self._files = [str(gif.path) for gif in snapshot.gifs]
        self._logits = bundle.anchors / np.float32(spec.temperature)
        self._rows = {name: row for row, name in enumerate(spec.categories.names)}
        self._primary_rows = np.array([self._rows[name] for name in self._primary], np.intp)
        self._gif_share = np.float32(spec.ranking.gif_share)
        self._anchors = bundle.anchors * (1 - self._gif_share)
        bias = spec.ranking.category_bias or [0.0] * len(spec.categories.names)
        self._bias = np.array(bias, np.float32) * (1 - self._gif_share)

    def __len__(self) -> int:
        return len(self._entries)

    def pick(self, text: str, vector: Floats, k: int, categories: Collection[str] = ()) -> list[Reaction]:
        """Return at most `k` reactions, best first, for a message and its (dim,) unit vector."""
        votes = self._vote(vector)
        message = f" {text.translate(_PUNCTUATION).lower()} "
        return [
            self._finish(position, score, votes, message)
            for position, score in self._choose(vector, k, categories)
        ]

    def _choose(self, vector: Floats, k: int, categories: Collection[str]) -> list[tuple[int, float]]:
        """Search among more and more candidates until there is a GIF of another category for each place."""
        size = max(FIRST_CANDIDATES, 8 * k)
        while True:
            found, cosines = self._index.search(vector, size)
            scores = self._score(vector, found, cosines)
            order = np.argsort(-scores, kind="stable")
            positions: list[int] = found[order].tolist()
            chosen = vary(positions, self._primary, k, categories)
            if size >= len(self) or len({self._primary[position] for position in chosen}) == k:
                return [(position, float(scores[order[positions.index(position)]])) for position in chosen]
            size *= 4

    def _score(self, vector: Floats, found: NDArray[np.integer], cosines: Floats) -> Floats:
        """Mix the cosines of GIFs with those of their primary categories, as the bundle says."""
        categories = self._anchors @ vector + self._bias
        mixed: Floats = self._gif_share * cosines + categories[self._primary_rows[found]]
        return mixed

    def _vote(self, vector: Floats) -> Floats:
        """Share out one vote among the categories, by softmax over the cosines of their anchors."""
        logits = self._logits @ vector
        votes: Floats = np.exp(logits - logits.max())
        votes /= votes.sum()
        return votes

    def _finish(self, position: int, score: float, votes: Floats, message: str) -> Reaction:
        entry = self._entries[position]
        share = float(votes[self._rows[self._primary[position]]])
        return Reaction(
            id=entry.id,
            file=self._files[position],
            name=entry.name,
            categories=entry.categories,
            alt_text=entry.alt_text,
            score=score,
            confidence=confidence(score, self._calibration),
            why=explain(self._spoken[position], share, message, self._tags[position]),
            code_point=entry.source.code_point,
        )
