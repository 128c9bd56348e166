"""The engine: a bundle, the packs and the catalogue put together to answer messages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.bundle import Bundle, load_bundle
from inference.catalogue import OwnGifs
from inference.encoders import BATCH, TextEncoder, Tokens
from inference.errors import MessageError
from inference.fingerprints import read_fingerprints
from inference.index import EXACT_LIMIT
from inference.picker import Ranking
from inference.protocol import Rating, ReactReply, ReactRequest
from inference.sessions import Device
from inference.shifts import check_shifts
from inference.stock import Shelf, Stock

MOSTLY = 0.5

EMPTY = "There is nothing to react to: the message has no readable character; pass some words or an emoji."
BAD_COUNT = "{k} GIFs cannot be picked: ask for a whole number from 1 up."
CUT = "The message is long: only its first {tokens} tokens were read."
FOREIGN = "The model was trained on English and knows little of this message: take the answer as a guess."

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]


class ShortRankingError(Exception):
    """A ranking that was kept is too short for what is asked of it now; read the message anew."""


class Reading(NamedTuple):
    """What the model makes of a message, whatever is asked: cleaned text, flags, hold, ranking.

    `vector` is the (dim,) unit vector; a reading that was kept goes without.
    """

    text: str
    is_cut: bool
    is_foreign: bool
    hold: float
    ranking: Ranking
    vector: Floats | None = None


class Engine:
    """Answers messages with ranked GIFs; made by `Engine.open`."""

    def __init__(self, bundle: Bundle, text: TextEncoder, stock: Stock) -> None:
        self.bundle = bundle
        self.stock = stock
        described = msgspec.json.encode(bundle.spec) + stock.layout.encode()
        self.fingerprint = hashlib.sha256(described).hexdigest()
        self._text = text
        self._picker = stock.picker

    @classmethod
    def open(
        cls,
        bundle_dir: Path,
        pack_dirs: Sequence[Path],
        catalogue_path: Path,
        *,
        threads: int = 1,
        device: Device = Device.CPU,
        progress: Progress | None = None,
        fresh: bool = False,
        exact_limit: int = EXACT_LIMIT,
    ) -> Engine:
        """Verify a bundle, bring the catalogue in step with the packs and load the index.

        Args:
            bundle_dir: folder of `bundle.json`.
            pack_dirs: folders of `manifest.jsonl`.
            catalogue_path: the SQLite file, made where there is none; the index is cached beside it.
            threads: CPU threads of the model; GIFs are embedded with up to four.
            device: what the models run on.
            progress: called with (done, total) while GIFs are embedded or fingerprints made.
            fresh: embed all GIFs again, whatever the catalogue knows.
            exact_limit: up to so many GIFs are searched exactly.

        Raises:
            ReparteeError: names what is wrong with bundle, packs or catalogue and what to do.
        """
        bundle = load_bundle(bundle_dir)
        text = TextEncoder(bundle, threads=threads, device=device)
        shelf = Shelf(bundle, text, catalogue_path, threads=threads, exact_limit=exact_limit)
        return cls(bundle, text, shelf.open(pack_dirs, progress, fresh=fresh))

    def renewed(self, own: OwnGifs, *, whole: bool = False) -> Engine:
        """Return an engine that knows what has changed of the own GIFs since; this one where nothing has.

        With `whole` all of them are read, whatever is known: another file has taken the place of the old one.

        Raises:
            CatalogueError: the catalogue cannot be used.
        """
        stock = self.stock.renewed(own, whole=whole)
        return self if stock is self.stock else Engine(self.bundle, self._text, stock)

    @property
    def catalogue_version(self) -> str:
        """Version of all that can be found."""
        return self.stock.version

    @property
    def revision(self) -> int:
        """Up to which change of the own GIFs the engine knows them."""
        return self.stock.revision

    def __len__(self) -> int:
        """Return the number of GIFs."""
        return len(self._picker)

    def react(
        self,
        text: str,
        k: int = 3,
        *,
        categories: Collection[str] = (),
        avoid: Collection[str] = (),
        max_rating: Rating | None = None,
        scope: str = "",
    ) -> ReactReply:
        """Rank GIFs for a message: at most `k`, as `ReactRequest` describes.

        Raises:
            MessageError: nothing readable is in the text, or `k` is below 1.
        """
        wanted = ReactRequest(
            text=text,
            k=k,
            categories=list(categories),
            avoid=list(avoid),
            max_rating=max_rating,
            scope=scope,
        )
        return self.answer(wanted)

    def answer(self, request: ReactRequest) -> ReactReply:
        """Answer a request in this thread, stage by stage.

        Raises:
            MessageError: the request cannot be answered.
        """
        start = perf_counter()
        tokens = self.prepare(request)
        prepared = perf_counter()
        vector, hold = self._text.encode(tokens.ids)
        inferred = perf_counter()
        reply = self.finish(request, self.rank(tokens, vector, hold, request.scope))
        ranked = perf_counter()
        timings = {
            "prepare": (prepared - start) * 1e3,
            "infer": (inferred - prepared) * 1e3,
            "rank": (ranked - inferred) * 1e3,
            "total": (ranked - start) * 1e3,
        }
        return msgspec.structs.replace(reply, timings_ms=timings)

    def prepare(self, request: ReactRequest) -> Tokens:
        """Tokenise the message of a request, the first stage.

        Raises:
            MessageError: the request cannot be answered.
        """
        self.check_count(request.k)
        check_shifts(request.shifts)
        read_fingerprints(request.banned)
        return self._tokenise(request.text)

    def infer(self, messages: Sequence[Tokens]) -> list[tuple[Floats, float]]:
        """Run the model once over messages, the second stage: their (dim,) vectors and hold probabilities.

        Safe to call from several threads at once.
        """
        vectors, holds = self._text.encode_batch([tokens.ids for tokens in messages])
        return list(zip(vectors, holds.tolist(), strict=True))

    def rank(self, tokens: Tokens, vector: Floats, hold: float, scope: str = "") -> Reading:
        """Rank the GIFs that a scope sees for a message, whatever is asked of them."""
        is_foreign = tokens.foreign > MOSTLY
        ranking = self._picker.rank(vector, scope=scope)
        return Reading(tokens.text, tokens.is_cut, is_foreign, hold, ranking, vector)

    def finish(self, request: ReactRequest, reading: Reading) -> ReactReply:
        """Answer a request out of what was read, the third stage.

        Raises:
            ShortRankingError: the reading lacks its vector and its ranking is too short for this request.
        """
        request = self._picker.lifted(request, reading.text)
        if reading.vector is not None:
            ranking, chosen = self._picker.pick(reading.vector, reading.ranking, request)
        elif (found := self._picker.choose(reading.ranking, request)) is not None:
            ranking, chosen = reading.ranking, found
        else:
            raise ShortRankingError
        return ReactReply(
            hold=reading.hold,
            hold_threshold=self.bundle.spec.hold_threshold,
            reactions=self._picker.finish(ranking, chosen, reading.text),
            bundle=self.bundle.label,
            catalogue=self.catalogue_version,
            notes=self._notes(reading),
            is_cut=reading.is_cut,
            is_foreign=reading.is_foreign,
            trace=request.trace,
        )

    def warm_up(self) -> dict[str, float]:
        """Do what is slow at first use; return the ms of each stage of an answer after that."""
        self._text.warm_up()
        self.answer(ReactRequest(text="hello"))
        return self.answer(ReactRequest(text="hello")).timings_ms

    @property
    def device_label(self) -> str:
        """What the text graph really runs on."""
        return self._text.device_label

    def react_many(
        self, texts: Sequence[str], k: int = 3, *, batch: int = 1, progress: Progress | None = None
    ) -> list[ReactReply]:
        """Rank GIFs for many messages; replies come in the order of `texts`.

        An int8 graph scales its activations by the whole batch, so that neighbours change an answer a
        little: with `batch` 1 each message gets the very answer that `react` gives, larger batches are
        faster. `progress` is called with (done, total) after each batch.

        Raises:
            MessageError: nothing readable is in one of the texts, or `k` is below 1.
        """
        self.check_count(k)
        messages = [self._tokenise(text) for text in texts]
        ids = [tokens.ids for tokens in messages]
        vectors, holds = self._text.encode_many(ids, batch=batch, progress=progress)
        return [
            self.finish(ReactRequest(text=text, k=k), self.rank(tokens, vector, float(hold)))
            for text, tokens, vector, hold in zip(texts, messages, vectors, holds, strict=True)
        ]

    def embed_texts(self, texts: Sequence[str], *, batch: int = BATCH) -> tuple[Floats, Floats]:
        """Embed messages: (n, dim) float32 of unit norm and hold probabilities (n,) float32.

        Raises:
            MessageError: nothing readable is in one of the texts.
        """
        return self._text.encode_many([self._tokenise(text).ids for text in texts], batch=batch)

    def check_text(self, text: str) -> None:
        """Refuse a message that cannot be answered.

        Raises:
            MessageError: nothing readable is in it.
        """
        self._tokenise(text)

    @staticmethod
    def check_count(k: int) -> None:
        """Refuse to pick fewer GIFs than one.

        Raises:
            MessageError: `k` is below 1.
        """
        if k < 1:
            raise MessageError(BAD_COUNT.format(k=k))

    def _tokenise(self, text: str) -> Tokens:
        tokens = self._text.tokenise(text)
        if not tokens.ids:
            raise MessageError(EMPTY)
        return tokens

    def _notes(self, reading: Reading) -> list[str]:
        notes = [CUT.format(tokens=self.bundle.spec.text.max_tokens)] if reading.is_cut else []
        return [*notes, FOREIGN] if reading.is_foreign else notes
