"""From the vector of a message to finished reactions: search, ranking, variety, confidence, reason."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle
from inference.catalogue import Snapshot
from inference.groups import GroupedIndex
from inference.protocol import RATINGS, Reaction, ReactRequest
from inference.ranker import confidence, explain, vary

FIRST_CANDIDATES = 512
TELLING = 4  # letters that a tag needs to be given as a reason

Floats = NDArray[np.float32]
Positions = NDArray[np.integer]
_PUNCTUATION = str.maketrans(dict.fromkeys('.,;:!?"()*_~/', " "))


class Ranking(NamedTuple):
    """The best GIFs for a message, before anything is asked of them.

    `positions` (m,) are rows of the catalogue, best first, `scores` (m,) float32 theirs, `votes`
    (categories,) float32 share out one vote among the categories; `is_whole` says that no GIF is left out.
    """

    positions: Positions
    scores: Floats
    votes: Floats
    is_whole: bool

    def top(self, count: int) -> Ranking:
        """Return the best `count` GIFs of it."""
        if count >= len(self.positions):
            return self
        return Ranking(self.positions[:count], self.scores[:count], self.votes, False)


class Picker:
    """Picks GIFs of one snapshot; all that does not depend on the message is made beforehand."""

    def __init__(self, bundle: Bundle, snapshot: Snapshot, index: GroupedIndex) -> None:
        """Prepare.

        Args:
            bundle: the model.
            snapshot: the GIFs.
            index: over the vectors of the snapshot, in the groups that `primary_rows` says.
        """
        spec = bundle.spec
        self._index = index
        self._calibration = spec.calibration
        self._entries = [gif.entry for gif in snapshot.gifs]
        self._primary = [entry.categories[0] for entry in self._entries]
        self._spoken = {name: name.replace("_", " ") for name in spec.categories.names}
        self._ratings = np.array([_strictness(entry.rating) for entry in self._entries], np.int8)
        self._packs = [gif.pack for gif in snapshot.gifs]
        self._logits = bundle.anchors / np.float32(spec.temperature)
        self._rows = {name: row for row, name in enumerate(spec.categories.names)}
        self._primary_rows = primary_rows(bundle, snapshot)
        self._gif_share = np.float32(spec.ranking.gif_share)
        self._anchors = bundle.anchors * (1 - self._gif_share)
        bias = spec.ranking.category_bias or [0.0] * len(spec.categories.names)
        self._bias = np.array(bias, np.float32) * (1 - self._gif_share)

    def __len__(self) -> int:
        return len(self._entries)

    def rank(self, vector: Floats, size: int = FIRST_CANDIDATES, wanted: Collection[str] = ()) -> Ranking:
        """Rank GIFs for the (dim,) unit vector of a message.

        Args:
            vector: of the message.
            size: about how many; those nearest to it of each of the likeliest categories.
            wanted: only these primary categories, where some are named (others may come along).
        """
        categories = self._anchors @ vector + self._bias
        likeliest = np.argsort(-categories, kind="stable").tolist()
        if wanted:
            rows = {self._rows[name] for name in wanted if name in self._rows}
            likeliest = [row for row in likeliest if row in rows]
        found, cosines, is_whole = self._index.search(vector, size, likeliest)
        scores: Floats = self._gif_share * cosines + categories[self._primary_rows[found]]
        order = np.argsort(-scores, kind="stable")
        return Ranking(found[order], scores[order], self._vote(vector), is_whole)

    def choose(self, ranking: Ranking, request: ReactRequest) -> list[int] | None:
        """Choose places of the ranking, best first; None where a longer ranking is needed to be sure."""
        places = self._allowed(ranking.positions, request)
        primary = [self._primary[position] for position in ranking.positions.tolist()]
        chosen = vary(places, primary, request.k, request.categories)
        is_varied = len({primary[place] for place in chosen}) == request.k
        is_filled = len(chosen) == request.k and len(set(request.categories)) == 1
        return chosen if ranking.is_whole or is_varied or is_filled else None

    def pick(self, vector: Floats, ranking: Ranking, request: ReactRequest) -> tuple[Ranking, list[int]]:
        """Choose as `choose` does; search among more GIFs until there is one of another category a place."""
        size = max(FIRST_CANDIDATES, 8 * request.k)
        while (chosen := self.choose(ranking, request)) is None:
            ranking = self.rank(vector, size, request.categories)
            size *= 4
        return ranking, chosen

    def finish(self, ranking: Ranking, chosen: list[int], text: str) -> list[Reaction]:
        """Put what was chosen into words, for a cleaned message."""
        message = f" {text.translate(_PUNCTUATION).lower()} "
        return [
            self._finish(int(ranking.positions[place]), float(ranking.scores[place]), ranking.votes, message)
            for place in chosen
        ]

    def _allowed(self, positions: Positions, request: ReactRequest) -> list[int]:
        """List the places of GIFs that are neither to be avoided nor rated too high."""
        places = list(range(len(positions)))
        if request.max_rating is not None:
            fits = self._ratings[positions] <= _strictness(request.max_rating)
            places = np.flatnonzero(fits).tolist()
        if request.avoid:
            avoid = set(request.avoid)
            places = [place for place in places if self._entries[positions[place]].id not in avoid]
        return places

    def _vote(self, vector: Floats) -> Floats:
        """Share out one vote among the categories, by softmax over the cosines of their anchors."""
        logits = self._logits @ vector
        votes: Floats = np.exp(logits - logits.max())
        votes /= votes.sum()
        return votes

    def _finish(self, position: int, score: float, votes: Floats, message: str) -> Reaction:
        entry = self._entries[position]
        primary = self._primary[position]
        tags = [f" {tag.lower()} " for tag in entry.tags if len(tag) >= TELLING]
        return Reaction(
            id=entry.id,
            file=str(self._packs[position] / entry.file),
            name=entry.name,
            categories=entry.categories,
            alt_text=entry.alt_text,
            score=score,
            confidence=confidence(score, self._calibration),
            why=explain(self._spoken[primary], float(votes[self._rows[primary]]), message, tags),
            code_point=entry.source.code_point,
            rating=entry.rating,
        )


def primary_rows(bundle: Bundle, snapshot: Snapshot) -> NDArray[np.intp]:
    """Return the row of each GIF's primary category among those of the bundle, (n,)."""
    rows = {name: row for row, name in enumerate(bundle.spec.categories.names)}
    return np.array([rows[gif.entry.categories[0]] for gif in snapshot.gifs], np.intp)


def _strictness(rating: str) -> int:
    """Return the place of a rating on the scale; what stands on no scale counts as the highest."""
    return RATINGS.index(rating) if rating in RATINGS else len(RATINGS)
