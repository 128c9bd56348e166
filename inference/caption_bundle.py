"""The bundle of a captioner on disk: its description, and the checks that it passes before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from inference.bundle import SCHEMA_VERSION, BundleFile, ImageSpec, KindWords, Positive, read_spec

KIND = "captioner"

Count = Annotated[int, msgspec.Meta(ge=0)]

_CAPTIONER = KindWords(
    KIND,
    "No captioner bundle in {folder}: {file} cannot be read ({reason}); name another folder in "
    "REPARTEE_CAPTIONER or with --bundle.",
    '{path} is a "{found}" bundle of schema {schema}; to describe pictures '
    f'a "{KIND}" bundle of schema {{wanted}} is needed.',
)


class DecoderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The language model: two graphs that share one file of weights, and the numbers of its cache.

    `prefill` takes `prefix` (batch, prefix_size) float32 and gives `logits` (batch, vocab_size) of the first
    token, `past_key` and `past_value` (n_layer, batch, n_head, prefix_length, n_embd / n_head). `step` takes
    `token` (batch,), `length` (1,), the positions before it, and for each layer a cache with room to spare,
    `past_key_0`, `past_value_0` ...; it gives `logits`, and `new_key` and `new_value` for place `length`.

    Attributes:
        weights: files of the graphs' weights, named in the graphs; none where these hold them themselves.
        n_positions: tokens that prefix and caption have room for together.
        stop_id: the token that ends a caption; it belongs to it where it is a full stop.
        max_tokens: tokens of a caption at most.
        precision: how the weights of linear layers are stored.
        least_log_probability: mean over a caption's tokens below which it is not said; None to say all.
    """

    prefill: str
    step: str
    weights: list[str] = []
    prefix_size: Positive
    prefix_length: Positive
    n_layer: Positive
    n_head: Positive
    n_embd: Positive
    n_positions: Positive
    vocab_size: Positive
    stop_id: Count
    max_tokens: Positive = 40
    precision: Literal["float32", "int8"] = "float32"
    least_log_probability: float | None = None


class CaptionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`bundle.json` of a captioner; its image graph makes `pixel_values` a `prefix` (batch, prefix_size)."""

    schema_version: int = SCHEMA_VERSION
    kind: str = KIND
    name: str
    version: str
    files: dict[str, BundleFile]
    image: ImageSpec
    decoder: DecoderSpec
    tokenizer: str
    training: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    versions: dict[str, Any] = {}

    @property
    def needed_files(self) -> tuple[str, ...]:
        """Names of the files without which nothing can be described."""
        decoder = self.decoder
        return self.image.file, decoder.prefill, decoder.step, *decoder.weights, self.tokenizer


@dataclass(frozen=True)
class CaptionBundle:
    """A verified captioner bundle."""

    folder: Path
    spec: CaptionSpec

    @property
    def label(self) -> str:
        """Name and version, as shown to people."""
        return f"{self.spec.name} {self.spec.version}"

    def path(self, name: str) -> Path:
        """Return where the file `name` of the bundle lies."""
        return self.folder / name


def load_caption_bundle(folder: Path) -> CaptionBundle:
    """Read a captioner bundle and verify it: schema, kind, files present, their sizes and checksums.

    Raises:
        BundleError: names what is wrong and what to do.
    """
    return CaptionBundle(folder, read_spec(folder, CaptionSpec, _CAPTIONER))
