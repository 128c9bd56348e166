"""From the vector of a message to finished reactions: search, ranking, variety, confidence, reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle
from inference.catalogue import CatalogueGif
from inference.fingerprints import is_alike, read_fingerprints
from inference.holdings import SHARED, Holdings
from inference.layers import LayeredIndex
from inference.protocol import RATINGS, Reaction, ReactRequest
from inference.ranker import confidence, explain, vary
from inference.shifts import LIMIT, is_settled

FIRST_CANDIDATES = 512
TELLING = 4  # letters that a tag needs to be given as a reason

Floats = NDArray[np.float32]
Positions = NDArray[np.integer]
Shifts = NDArray[np.float64]
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
    """Picks GIFs of one state of the catalogue; what does not depend on the message is made beforehand."""

    def __init__(self, bundle: Bundle, holdings: Holdings, index: LayeredIndex) -> None:
        """Prepare.

        Args:
            bundle: the model.
            holdings: the GIFs.
            index: over their vectors.
        """
        spec = bundle.spec
        self.holdings = holdings
        self.index = index
        self._calibration = spec.calibration
        self._entries = [gif.entry for gif in holdings.gifs]
        self._primary = [entry.categories[0] for entry in self._entries]
        self._spoken = {name: name.replace("_", " ") for name in spec.categories.names}
        self._ratings = np.array([_strictness(entry.rating) for entry in self._entries], np.int8)
        self._packs = [gif.pack for gif in holdings.gifs]
        self._fingerprints = holdings.fingerprints
        self._logits = bundle.anchors / np.float32(spec.temperature)
        self._rows = {name: row for row, name in enumerate(spec.categories.names)}
        self._primary_rows = holdings.primary
        self._sizes: dict[str, NDArray[np.intp]] = {}
        self._gif_share = np.float32(spec.ranking.gif_share)
        self._anchors = bundle.anchors * (1 - self._gif_share)
        bias = spec.ranking.category_bias or [0.0] * len(spec.categories.names)
        self._bias = np.array(bias, np.float32) * (1 - self._gif_share)

    def __len__(self) -> int:
        return len(self.holdings)

    def rank(
        self,
        vector: Floats,
        size: int = FIRST_CANDIDATES,
        wanted: Collection[str] = (),
        also: Collection[int] = (),
        scope: str = SHARED,
    ) -> Ranking:
        """Rank GIFs for the (dim,) unit vector of a message.

        Args:
            vector: of the message.
            size: about how many; those nearest to it of each of the likeliest categories.
            wanted: only these primary categories, where some are named (others may come along).
            also: rows of the catalogue that are ranked too, however far off they are.
            scope: whose own GIFs are looked at, beside those for everybody.
        """
        categories = self._anchors @ vector + self._bias
        likeliest = np.argsort(-categories, kind="stable").tolist()
        if wanted:
            rows = {self._rows[name] for name in wanted if name in self._rows}
            likeliest = [row for row in likeliest if row in rows]
        found, cosines, is_whole = self.index.search(vector, size, likeliest, scope)
        if also and not is_whole:
            more = np.setdiff1d(np.array(sorted(also), np.int64), found)
            found = np.concatenate([found, more])
            cosines = np.concatenate([cosines, self.index.compare(vector, more)])
        scores: Floats = self._gif_share * cosines + categories[self._primary_rows[found]]
        order = np.argsort(-scores, kind="stable")
        return Ranking(found[order], scores[order], self._vote(vector), is_whole)

    def choose(self, ranking: Ranking, request: ReactRequest) -> list[int] | None:
        """Choose places of the ranking, best first; None where a longer ranking is needed to be sure."""
        places = self._allowed(ranking.positions, request)
        primary = [self._primary[position] for position in ranking.positions.tolist()]
        shifts = self._shifts_of(ranking, request) if request.shifts else None
        if shifts is not None:
            shifted = ranking.scores + shifts
            places.sort(key=lambda place: -shifted[place])  # stable, as the ranking is
        chosen = vary(places, primary, request.k, request.categories, request.kinds)
        is_varied = _is_varied([primary[place] for place in chosen], request)
        is_filled = len(chosen) == request.k and len(set(request.categories)) == 1
        if not (ranking.is_whole or is_varied or is_filled):
            return None
        is_sure = ranking.is_whole or shifts is None or self._is_settled(ranking, request, shifts, chosen)
        return chosen if is_sure else None

    def pick(self, vector: Floats, ranking: Ranking, request: ReactRequest) -> tuple[Ranking, list[int]]:
        """Choose as `choose` does; search among more GIFs until there is one of another category a place.

        GIFs that are shifted up are then looked at wherever they are.
        """
        size = max(FIRST_CANDIDATES, 8 * request.k)
        raised = self._raised(request) if request.shifts else {}
        while (chosen := self.choose(ranking, request)) is None:
            ranking = self.rank(vector, size, request.categories, raised, request.scope)
            size *= 4
        return ranking, chosen

    def lifted(self, request: ReactRequest, message: str) -> ReactRequest:
        """Return a request in which the own GIFs whose tags a cleaned message says are shifted up."""
        lifts = self.holdings.lifts(request.scope, message)
        if not lifts:
            return request
        sums = {gif: request.shifts.get(gif, 0.0) + lift for gif, lift in lifts.items()}
        limited = {gif: max(-LIMIT, min(LIMIT, shift)) for gif, shift in sums.items()}
        return msgspec.structs.replace(request, shifts=request.shifts | limited)

    def finish(self, ranking: Ranking, chosen: list[int], text: str) -> list[Reaction]:
        """Put what was chosen into words, for a cleaned message."""
        message = f" {text.translate(_PUNCTUATION).lower()} "
        return [
            self._finish(int(ranking.positions[place]), float(ranking.scores[place]), ranking.votes, message)
            for place in chosen
        ]

    def _allowed(self, positions: Positions, request: ReactRequest) -> list[int]:
        """List the places of GIFs that are neither to be avoided nor banned nor rated too high."""
        places = list(range(len(positions)))
        if request.max_rating is not None:
            fits = self._ratings[positions] <= _strictness(request.max_rating)
            places = np.flatnonzero(fits).tolist()
        if request.avoid:
            avoid = set(request.avoid)
            places = [place for place in places if self._entries[positions[place]].id not in avoid]
        if request.banned and self._fingerprints.shape[1]:
            is_banned = is_alike(self._fingerprints[positions], read_fingerprints(request.banned))
            places = [place for place in places if not is_banned[place]]
        return places

    def _sizes_of(self, scope: str) -> NDArray[np.intp]:
        """Return how many GIFs of each category a scope sees; those without own ones all see the same."""
        scope = scope if scope in self.holdings.layers else SHARED
        if scope not in self._sizes:
            seen = self._primary_rows[self.holdings.visible(scope)]
            self._sizes[scope] = np.bincount(seen, minlength=len(self._rows))
        return self._sizes[scope]

    def _shifts_of(self, ranking: Ranking, request: ReactRequest) -> Shifts:
        """Return what is added to each score of a ranking, (m,) float64."""
        row_of, scope = self.holdings.row_of, request.scope
        known = {row_of(scope, name): shift for name, shift in request.shifts.items()}
        return np.array([known.get(position, 0.0) for position in ranking.positions.tolist()], np.float64)

    def _raised(self, request: ReactRequest) -> dict[int, float]:
        """Return by position the shifts of the GIFs that are shifted up and may be chosen."""
        row_of, scope = self.holdings.row_of, request.scope
        known = {row_of(scope, name): shift for name, shift in request.shifts.items() if shift > 0}
        positions = np.array([position for position in known if position is not None], np.int64)
        wanted = set(request.categories or self._rows)
        allowed = positions[self._allowed(positions, request)].tolist()
        return {position: known[position] for position in allowed if self._primary[position] in wanted}

    def _is_settled(self, ranking: Ranking, request: ReactRequest, shifts: Shifts, chosen: list[int]) -> bool:
        """Say whether no GIF outside of the ranking can be better than one chosen, given all shifts."""
        if not self.index.is_whole(request.scope):
            return False
        rows = self._primary_rows[ranking.positions]
        outside = np.bincount(rows, minlength=len(self._rows)) < self._sizes_of(request.scope)
        if request.categories:
            outside &= np.isin(list(self._rows), request.categories)
        rises = np.zeros(len(self._rows))
        ranked = set(ranking.positions.tolist())
        for position, shift in self._raised(request).items():
            if position not in ranked:
                row = self._primary_rows[position]
                rises[row] = max(rises[row], shift)
        is_own = ranking.positions >= self.holdings.first  # all of these are there, however far off
        return is_settled(rows, ranking.scores, shifts, chosen, outside, rises, is_own)

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
            fingerprint=self._fingerprints[position].tobytes().hex(),
        )


def _is_varied(chosen: Sequence[str], request: ReactRequest) -> bool:
    """Whether all are there, of all kinds that are wanted, and none ran out while others had more."""
    kinds = request.kinds or request.k
    counts = Counter(chosen).values()
    return (
        len(chosen) == request.k and len(counts) == min(kinds, request.k) and max(counts) - min(counts) <= 1
    )


def primary_rows(bundle: Bundle, gifs: Sequence[CatalogueGif]) -> NDArray[np.intp]:
    """Return the row of each GIF's primary category among those of the bundle, (n,)."""
    rows = {name: row for row, name in enumerate(bundle.spec.categories.names)}
    return np.array([rows[gif.entry.categories[0]] for gif in gifs], np.intp)


def _strictness(rating: str) -> int:
    """Return the place of a rating on the scale; what stands on no scale counts as the highest."""
    return RATINGS.index(rating) if rating in RATINGS else len(RATINGS)
