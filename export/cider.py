"""CIDEr-D (Vedantam et al., CVPR 2015): how alike a caption is to what people wrote of the same picture."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LONGEST = 4
SIGMA = 6.0
SCALE = 10.0

Words = tuple[str, ...]


def words_of(text: str) -> Words:
    """Return the words of a text in lower case, punctuation left out."""
    return tuple(re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower()))


class Cider:
    """Scores captions against references; words that many pictures share count little.

    Attributes:
        references: key of a picture to its references.
    """

    def __init__(self, references: Mapping[str, Sequence[str]]) -> None:
        """Count in how many pictures' references each sequence of one to four words stands.

        Raises:
            ValueError: there are no pictures, or one has no reference.
        """
        if not references or not all(references.values()):
            raise ValueError("every picture needs a reference")
        self.references = references
        counts = {key: [_grams(words_of(text)) for text in texts] for key, texts in references.items()}
        self._documents = Counter(gram for rows in counts.values() for gram in set().union(*rows))
        self._log_pictures = math.log(len(references))
        self._known: list[_Reference] = []
        self._where: dict[Words, list[tuple[int, float]]] = defaultdict(list)
        for key, texts in references.items():
            for text in texts:
                self._remember(key, text)

    def score(self, key: str, caption: str) -> float:
        """Return the CIDEr-D of a caption against the references of one picture, from 0 to about 10.

        Raises:
            KeyError: there are no references for it.
        """
        if key not in self.references:
            raise KeyError(key)
        return self.nearest(caption).get(key, 0.0)

    def nearest(self, caption: str) -> dict[str, float]:
        """Return the score of a caption against every picture's references, those of 0 left out."""
        words = words_of(caption)
        weights = self._weights(words)
        norms = _norms(weights)
        shared: dict[int, list[float]] = defaultdict(lambda: [0.0] * LONGEST)
        for gram, weight in weights.items():
            for row, other in self._where.get(gram, ()):
                shared[row][len(gram) - 1] += min(weight, other) * other
        scores: dict[str, float] = defaultdict(float)
        for row, products in shared.items():
            known = self._known[row]
            penalty = math.exp(-((len(words) - known.length) ** 2) / (2 * SIGMA**2))
            alike = sum(p / (a * b) for p, a, b in zip(products, norms, known.norms, strict=True) if a and b)
            scores[known.key] += SCALE * penalty * alike / LONGEST / len(self.references[known.key])
        return {key: score for key, score in scores.items() if score > 0}

    def mean(self, captions: Mapping[str, str]) -> float:
        """Return the mean over pictures.

        Raises:
            KeyError: a caption is of a picture without references.
        """
        return sum(self.score(key, caption) for key, caption in captions.items()) / len(captions)

    def _remember(self, key: str, text: str) -> None:
        words = words_of(text)
        weights = self._weights(words)
        for gram, weight in weights.items():
            self._where[gram].append((len(self._known), weight))
        self._known.append(_Reference(key, len(words), _norms(weights)))

    def _weights(self, words: Words) -> dict[Words, float]:
        """Return how much each sequence of words counts."""
        return {
            gram: count * (self._log_pictures - math.log(max(1, self._documents[gram])))
            for gram, count in _grams(words).items()
        }


class _Reference(NamedTuple):
    """Whose it is, its number of words, and the length of its vector for each length of a sequence."""

    key: str
    length: int
    norms: list[float]


def _grams(words: Words) -> Counter[Words]:
    return Counter(
        words[start : start + size]
        for size in range(1, LONGEST + 1)
        for start in range(len(words) - size + 1)
    )


def _norms(weights: Mapping[Words, float]) -> list[float]:
    squares = [0.0] * LONGEST
    for gram, weight in weights.items():
        squares[len(gram) - 1] += weight * weight
    return [math.sqrt(square) for square in squares]
