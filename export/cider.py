"""CIDEr-D (Vedantam et al., CVPR 2015): how alike a caption is to what people wrote of the same picture."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

LONGEST = 4
SIGMA = 6.0
SCALE = 10.0

Words = tuple[str, ...]
Vector = dict[Words, float]


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
        self._known = {
            key: [self._weighed(words_of(text)) for text in texts] for key, texts in references.items()
        }

    def score(self, key: str, caption: str) -> float:
        """Return the CIDEr-D of a caption against the references of one picture, from 0 to about 10."""
        return self._against(self._weighed(words_of(caption)), key)

    def nearest(self, caption: str) -> dict[str, float]:
        """Return the score of a caption against every picture's references, those of 0 left out."""
        weighed = self._weighed(words_of(caption))
        scores = {key: self._against(weighed, key) for key in self._known}
        return {key: score for key, score in scores.items() if score > 0}

    def mean(self, captions: Mapping[str, str]) -> float:
        """Return the mean over pictures.

        Raises:
            KeyError: a caption is of a picture without references.
        """
        return sum(self.score(key, caption) for key, caption in captions.items()) / len(captions)

    def _weighed(self, words: Words) -> tuple[int, list[Vector]]:
        """Return the number of words and a vector for each length of a sequence."""
        vectors: list[Vector] = [{} for _ in range(LONGEST)]
        for gram, count in _grams(words).items():
            rarity = self._log_pictures - math.log(max(1, self._documents[gram]))
            vectors[len(gram) - 1][gram] = count * rarity
        return len(words), vectors

    def _against(self, caption: tuple[int, list[Vector]], key: str) -> float:
        length, vectors = caption
        total = 0.0
        for other_length, others in self._known[key]:
            penalty = math.exp(-((length - other_length) ** 2) / (2 * SIGMA**2))
            alike = sum(_clipped_cosine(mine, other) for mine, other in zip(vectors, others, strict=True))
            total += penalty * alike / LONGEST
        return SCALE * total / len(self._known[key])


def _grams(words: Words) -> Counter[Words]:
    return Counter(
        words[start : start + size]
        for size in range(1, LONGEST + 1)
        for start in range(len(words) - size + 1)
    )


def _clipped_cosine(mine: Vector, other: Vector) -> float:
    """Return the cosine of two vectors, of which the first counts at most as the second does."""
    lengths = math.sqrt(sum(v * v for v in mine.values()) * sum(v * v for v in other.values()))
    if not lengths:
        return 0.0
    return (
        sum(min(value, other[gram]) * other[gram] for gram, value in mine.items() if gram in other) / lengths
    )
