"""Text and pictures to vectors: the tokenizer and the graphs of a bundle, each on the device asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.bundle import REPAIR, Bundle, ImageSpec, TextSpec
from inference.errors import BundleError, DeviceError
from inference.frames import read_frames
from inference.language import is_other_language
from inference.preprocess import clean_text, foreign_share, frame_square, normalise, plain_text
from inference.sessions import Device, Runner, describe_device, device_of, open_session

if TYPE_CHECKING:
    from PIL import Image

Floats = NDArray[np.float32]
Progress = Callable[[int, int], None]

RAW_CHARACTERS = 200_000  # read at most this much of a message, before cleaning it
CHARACTERS_PER_TOKEN = 16  # and, cleaned, this much per token that the graph takes
BATCH = 16
WARM_UP = ((1, 8), (1, 32), (8, 16), (32, 32))
"""Messages and tokens of the runs that warm up: the first of each kind of shape takes long."""

TEXT_OUTPUTS = ("embedding", "hold")


class Tokens(NamedTuple):
    """A tokenised message: cleaned text, token ids, whether it was cut, share that the model can't know."""

    text: str
    ids: list[int]
    is_cut: bool
    foreign: float


class TextEncoder:
    """Messages to unit vectors and hold probabilities; any thread may call it."""

    def __init__(
        self,
        bundle: Bundle,
        *,
        threads: int = 1,
        device: Device = Device.CPU,
        may_fall_back: bool = False,
        is_bound: bool | None = None,
    ) -> None:
        """Open the tokenizer and the text graph, in the variant for the device where the bundle has one.

        Args:
            bundle: a verified bundle.
            threads: CPU threads of one run.
            device: what the graph runs on.
            may_fall_back: use the CPU where the device cannot be used; `device` tells which it is.
            is_bound: bind inputs and outputs of a run; None binds on a GPU only.

        Raises:
            BundleError: graph or tokenizer cannot be used.
            DeviceError: the device cannot be used, and falling back is not allowed.
        """
        self._spec = bundle.spec.text
        self._dim = bundle.spec.embedding_dim
        self._session = _open_text(bundle, threads, device, may_fall_back)
        self._run = Runner(self._session, TEXT_OUTPUTS, is_bound=is_bound)
        self._tokenizer = _open_tokenizer(bundle.path(bundle.spec.tokenizer), self._spec.max_tokens)
        self._unknown = _unknown_id(self._tokenizer)

    @property
    def device(self) -> Device:
        """What the graph really runs on."""
        return device_of(self._session)

    @property
    def device_label(self) -> str:
        """The same for people, with threads and version."""
        return describe_device(self._session)

    def warm_up(self) -> None:
        """Run a few shapes once, so that the first message need not wait for what a first run sets up."""
        for messages, tokens in WARM_UP:
            self.encode_batch([[self._spec.pad_id] * min(tokens, self._spec.max_tokens)] * messages)

    def tokenise(self, text: str) -> Tokens:
        """Clean, cut and tokenise one message; `ids` is empty when nothing readable is in it."""
        read = clean_text if self._spec.spells_emoji else plain_text
        clean = read(text[:RAW_CHARACTERS])
        limit = self._spec.max_tokens * CHARACTERS_PER_TOKEN
        encoding = self._tokenizer.encode(clean[:limit])
        ids: list[int] = encoding.ids
        words = len(ids) - sum(encoding.special_tokens_mask)
        if not words:
            return Tokens(clean, [], False, 0.0)
        is_cut = len(text) > RAW_CHARACTERS or len(clean) > limit or bool(encoding.overflowing)
        foreign = max(foreign_share(clean[:limit]), ids.count(self._unknown) / words)
        if is_other_language(text[:RAW_CHARACTERS]):
            foreign = 1.0
        return Tokens(clean[:limit], ids, is_cut, foreign)

    def encode(self, ids: Sequence[int]) -> tuple[Floats, float]:
        """Embed one message: (dim,) float32 of unit norm and the hold probability."""
        vectors, holds = self.encode_batch([ids])
        return vectors[0], float(holds[0])

    def encode_batch(self, messages: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Embed messages in one run, padded to the longest: (n, dim) float32 of unit norm and (n,) float32.

        Raises:
            DeviceError: the GPU failed.
        """
        if not messages:
            return np.empty((0, self._dim), dtype=np.float32), np.empty(0, dtype=np.float32)
        vectors, holds = self._run(self._pad(messages))
        return vectors, holds

    def encode_many(
        self, messages: Sequence[Sequence[int]], *, batch: int = BATCH, progress: Progress | None = None
    ) -> tuple[Floats, Floats]:
        """Embed messages in batches of about one length: (n, dim) unit norm and (n,), in input order."""
        order = sorted(range(len(messages)), key=lambda i: len(messages[i]))
        vectors = np.empty((len(messages), self._dim), dtype=np.float32)
        holds = np.empty(len(messages), dtype=np.float32)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            vectors[rows], holds[rows] = self.encode_batch([messages[i] for i in rows])
            if progress is not None:
                progress(start + len(rows), len(messages))
        return vectors, holds

    def _pad(self, messages: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int32]]:
        shape = (len(messages), max(map(len, messages)))
        ids, mask = np.full(shape, self._spec.pad_id, dtype=np.int32), np.zeros(shape, dtype=np.int32)
        for row, message in enumerate(messages):
            ids[row, : len(message)] = message
            mask[row, : len(message)] = 1
        return {"input_ids": ids, "attention_mask": mask}


class ImageEncoder:
    """GIFs to unit vectors: evenly picked frames, preprocessed as the bundle says."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, device: Device = Device.CPU) -> None:
        """Open the image graph.

        Raises:
            BundleError: the graph cannot be used.
            DeviceError: the device cannot be used.
        """
        self._spec = bundle.spec.image
        self._run = Runner(_open_graph(bundle, self._spec, self._spec.file, threads, device), ["embedding"])
        self._is_batched = len(self._spec.inputs["pixel_values"]) == 5

    def encode_file(self, path: Path) -> Floats:
        """Embed a GIF file: (dim,) float32, unit norm.

        Raises:
            PackError: the file is missing or not a readable picture.
        """
        return self.encode(read_frames(path, self._spec.frames, first=self._spec.first_frame))

    def encode(self, frames: Sequence[Image.Image]) -> Floats:
        """Embed the frames of one GIF: (dim,) float32, unit norm."""
        spec = self._spec
        squares = [frame_square(frame, spec.size, spec.background, spec.framing) for frame in frames]
        pixels = normalise(np.stack(squares), spec.mean, spec.std)
        feed = {"pixel_values": pixels[None] if self._is_batched else pixels}
        vector: Floats = self._run(feed)[0][0]
        return vector


def _open_text(bundle: Bundle, threads: int, device: Device, may_fall_back: bool) -> Any:
    spec = bundle.spec.text
    try:
        return _open_graph(bundle, spec, spec.file_for(device), threads, device)
    except DeviceError:
        if not may_fall_back:
            raise
    return _open_graph(bundle, spec, spec.file, threads, Device.CPU)


def _open_graph(bundle: Bundle, spec: TextSpec | ImageSpec, file: str, threads: int, device: Device) -> Any:
    """Open a graph of the bundle and compare its inputs and outputs with the description."""
    path = bundle.path(file)
    session = open_session(path, threads=threads, device=device)
    outputs = {node.name: node.shape for node in session.get_outputs()}
    found = {node.name for node in session.get_inputs()} | outputs.keys()
    if missing := sorted({*spec.inputs, *spec.outputs} - found):
        raise BundleError(f"The graph {path} has no {', '.join(missing)}: {REPAIR}.")
    width = outputs["embedding"][-1]
    if width != bundle.spec.embedding_dim:
        raise BundleError(
            f"The graph {path} gives vectors of {width} numbers instead of "
            f"{bundle.spec.embedding_dim}: {REPAIR}."
        )
    return session


def _open_tokenizer(path: Path, max_tokens: int) -> Any:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises plain Exception
        raise BundleError(f"The tokenizer {path} cannot be read ({error}): {REPAIR}.") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=max_tokens)
    return tokenizer


def _unknown_id(tokenizer: Any) -> int:
    for token in ("[UNK]", "<unk>"):
        if (found := tokenizer.token_to_id(token)) is not None:
            return int(found)
    return -1
