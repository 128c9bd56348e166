"""What is made of a GIF: its vector, of its frames, its words and its categories, and its fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle, sha256_of
from inference.encoders import ImageEncoder, TextEncoder
from inference.errors import PackError
from inference.fingerprints import MOMENTS, Bits, fingerprint
from inference.frames import Film, read_film
from inference.pack import PackGif
from inference.vectors import CATEGORY_WEIGHTS, describe, mix_categories, unit

if TYPE_CHECKING:
    from PIL import Image


Floats = NDArray[np.float32]


class GifEmbedder:
    """Makes the vectors of GIFs; the image graph is opened with the first one.

    The pictures of the last GIF are kept: vector and fingerprint come out of one reading of the file.
    """

    def __init__(self, bundle: Bundle, text: TextEncoder, *, threads: int = 1) -> None:
        self._bundle = bundle
        self._text = text
        self._threads = threads
        self._image: ImageEncoder | None = None
        self._film: tuple[Path, Film] | None = None
        self._rows = {name: row for row, name in enumerate(bundle.spec.categories.names)}

    def __call__(self, path: Path, entry: PackGif) -> Floats:
        """Return the vector of a GIF, (dim,) float32 of unit norm.

        Raises:
            PackError: the file is missing, unreadable or not the one of the manifest, or the model does
                not know a category.
        """
        _check_content(path, entry)
        weights = self._bundle.spec.fusion
        total = weights.category * self._category_part(entry)
        if weights.text:
            total = total + weights.text * self._text_part(entry)
        if weights.image:
            total = total + weights.image * self._image_part(path)
        return unit(total)

    def fingerprint(self, path: Path, entry: PackGif) -> Bits:
        """Return the fingerprint of a GIF, (BYTES,) uint8.

        Raises:
            PackError: the file is missing, unreadable or not the one of the manifest.
        """
        _check_content(path, entry)
        return fingerprint(self._pictures(path).moments)

    def _category_part(self, entry: PackGif) -> Floats:
        if unknown := [name for name in entry.categories if name not in self._rows]:
            raise PackError(
                f'The GIF {entry.file} is of the category "{unknown[0]}", which the model '
                f"{self._bundle.label} does not know: mend the manifest."
            )
        return mix_categories(self._bundle.anchors, [self._rows[name] for name in entry.categories])

    def _text_part(self, entry: PackGif) -> Floats:
        return self._text.encode(self._text.tokenise(describe(entry)).ids)[0]

    def _image_part(self, path: Path) -> Floats:
        if self._image is None:
            self._image = ImageEncoder(self._bundle, threads=self._threads)
        return self._image.encode(self._pictures(path).frames)

    def _pictures(self, path: Path) -> Film:
        if self._film is None or self._film[0] != path:
            spec = self._bundle.spec.image
            self._film = path, read_film(path, spec.frames, MOMENTS, first=spec.first_frame)
        return self._film[1]


def _check_content(path: Path, entry: PackGif) -> None:
    try:
        found = sha256_of(path)
    except OSError as error:
        raise PackError(
            f"The GIF {path} cannot be read ({error.strerror}): rebuild the pack or remove its line."
        ) from error
    if found != entry.id:
        raise PackError(
            f"The GIF {path} is not the one of the manifest, its sha256 differs: rebuild the pack."
        )


class OwnWeights(msgspec.Struct, frozen=True):
    """How the parts of an own GIF count.

    `python -m benchmarks.own_gifs --grid` chose those of the vector; those of the guess, and the categories'
    own, were tried on its figures one by one.

    In its vector: the picture, the words, the categories and, beside those that were guessed, `doubt`, all of
    them by their likelihood at `temperature`. In the guess: beside the words the picture (`guess_image`),
    beside a category's anchor its name (`guess_names`).
    """

    image: float = 0.1
    text: float = 0.4
    category: float = 1.0
    doubt: float = 1.0
    temperature: float = 0.2
    guess_image: float = 0.25
    guess_names: float = 0.5


OWN_WEIGHTS = OwnWeights()


class Guess(NamedTuple):
    """The likeliest categories, best first, and the (dim,) unit mean of all by their likelihood."""

    rows: list[int]
    mean: Floats


class OwnEmbedder:
    """Makes the vectors of GIFs that people added, and guesses the categories that nobody named.

    A guess goes by the words and, less, by the picture; a name or tag that is a category's name decides.
    """

    def __init__(
        self,
        bundle: Bundle,
        text: TextEncoder,
        image: ImageEncoder | None = None,
        weights: OwnWeights = OWN_WEIGHTS,
    ) -> None:
        self._bundle = bundle
        self._text = text
        self._image = image
        self._weights = weights
        self._names = bundle.spec.categories.names
        self._rows = {name: row for row, name in enumerate(self._names)}
        self._said = {name.replace("_", " "): row for row, name in enumerate(self._names)}

    def embed(self, frames: Sequence[Image.Image], entry: PackGif) -> Floats:
        """Return the vector of a GIF, (dim,) float32 of unit norm, of RGBA frames and what is said of it.

        Categories that the model does not know count for nothing. Those that it would guess itself count for
        as much as it is sure of them: a GIF that may be of another category comes after those that are not.
        """
        seen, read = self._seen(frames), self._read(entry)
        guess = self._guess(seen, read, entry)
        rows = [self._rows[name] for name in entry.categories if name in self._rows] or guess.rows
        sure = mix_categories(self._bundle.anchors, rows)
        likely = guess.mean if rows == guess.rows else sure
        if not read.any():
            read = mix_categories(self._spoken, rows)
        weights = self._weights
        total = weights.category * sure + weights.doubt * likely
        return unit(total + weights.text * read + weights.image * seen)

    def categories(self, frames: Sequence[Image.Image], entry: PackGif) -> list[str]:
        """Guess the categories of a GIF, the likeliest first, one to three: those it names, else one."""
        guess = self._guess(self._seen(frames), self._read(entry), entry)
        return [self._names[row] for row in guess.rows]

    def known(self, entry: PackGif, vector: Floats) -> list[str]:
        """Return the categories of a GIF that the model knows, else the one nearest to its (dim,) vector."""
        known = [name for name in entry.categories if name in self._rows]
        return known or [self._names[int((self._bundle.anchors @ vector).argmax())]]

    @cached_property
    def _spoken(self) -> Floats:
        """Vectors of the categories' names, (categories, dim), unit norm."""
        return self._text.encode_many([self._text.tokenise(said).ids for said in self._said])[0]

    def _guess(self, seen: Floats, read: Floats, entry: PackGif) -> Guess:
        anchors, weights = self._bundle.anchors, self._weights
        words = dict.fromkeys(word.strip().lower() for word in (entry.name, *entry.tags))
        if named := [self._said[word] for word in words if word in self._said][: len(CATEGORY_WEIGHTS)]:
            return Guess(named, mix_categories(anchors, named))
        if read.any():
            scores = unit(anchors + weights.guess_names * self._spoken) @ (read + weights.guess_image * seen)
        else:
            scores = anchors @ seen
        votes = np.exp((scores - scores.max()) / weights.temperature)
        return Guess([int(scores.argmax())], unit(votes @ anchors))

    def _seen(self, frames: Sequence[Image.Image]) -> Floats:
        if not frames:
            return np.zeros(self._bundle.spec.embedding_dim, np.float32)
        if self._image is None:
            self._image = ImageEncoder(self._bundle)
        return self._image.encode(frames)

    def _read(self, entry: PackGif) -> Floats:
        ids = self._text.tokenise(describe(entry)).ids
        return self._text.encode(ids)[0] if ids else np.zeros(self._bundle.spec.embedding_dim, np.float32)


def own_vector_key(bundle: Bundle) -> str:
    """Return the digest of all that the vectors of own GIFs depend on."""
    parts = (bundle.vector_key, OWN_WEIGHTS)
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]
