"""The model bundle on disk: its description, and the checks that it passes before it is used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from inference.errors import BundleError
from inference.preprocess import Framing

SCHEMA_VERSION = 1
KIND = "reaction"
BUNDLE_FILE = "bundle.json"
REPAIR = (
    "restore it from the release, or make it again (python -m export onnx; a captioner: python -m export "
    "captioner, or import)"
)

Shape = list[str | int]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Triple = Annotated[list[float], msgspec.Meta(min_length=3, max_length=3)]
Byte = Annotated[int, msgspec.Meta(ge=0, le=255)]


class BundleFile(msgspec.Struct, frozen=True):
    """Checksum (hex) and size in bytes of one file."""

    sha256: str
    bytes: int


class TextSpec(msgspec.Struct, frozen=True):
    """The text graph: names and shapes of its inputs and outputs, longest input in tokens.

    `variants` names other files of the same graph by the device that they suit ("cuda"). Inputs and outputs
    are the same, vectors differ by rounding only. With `spells_emoji` the model reads the names of emoji,
    else the emoji themselves.
    """

    file: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    max_tokens: Positive
    pad_id: int = 0
    variants: dict[str, str] = {}
    spells_emoji: bool = True

    def file_for(self, device: str) -> str:
        """Return the file that suits a device best."""
        return self.variants.get(device, self.file)


class ImageSpec(msgspec.Struct, frozen=True):
    """The image graph and its preprocessing: edge in pixels, colour numbers, frames a GIF, or its first.

    What is transparent shows the background where pictures are padded; CLIP's processors drop transparency.
    """

    file: str
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    size: Positive
    mean: Triple
    std: Triple
    background: Annotated[list[Byte], msgspec.Meta(min_length=3, max_length=3)]
    frames: Positive
    framing: Framing = "square"
    first_frame: bool = False


class CategorySpec(msgspec.Struct, frozen=True):
    """Category names and the file of their anchors, (categories, dim) float32, unit norm."""

    names: list[str]
    file: str


class FusionSpec(msgspec.Struct, frozen=True):
    """Weights of the image, text and category parts of a GIF's vector."""

    image: float
    text: float
    category: float


class RankingSpec(msgspec.Struct, frozen=True):
    """How a GIF's score is made of its own cosine and that of its primary category's anchor.

    Score = gif_share * cosine(message, GIF) + (1 - gif_share) * (cosine(message, anchor) + bias). The bias of
    each category, none where the list is empty, makes up for how often it was met in training (logit
    adjustment, Menon et al. 2021).
    """

    gif_share: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    category_bias: list[float] = []


class CalibrationSpec(msgspec.Struct, frozen=True):
    """Confidence of a pick = sigmoid(slope * score + intercept)."""

    slope: float
    intercept: float


class BundleSpec(msgspec.Struct, frozen=True, kw_only=True):
    """`bundle.json`, everything that serving must know about a model."""

    schema_version: int = SCHEMA_VERSION
    kind: str = KIND
    name: str
    version: str
    files: dict[str, BundleFile]
    text: TextSpec
    image: ImageSpec
    tokenizer: str
    embedding_dim: Positive
    temperature: Annotated[float, msgspec.Meta(gt=0)]
    categories: CategorySpec
    fusion: FusionSpec
    ranking: RankingSpec = RankingSpec()
    calibration: CalibrationSpec
    hold_threshold: float
    training: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    versions: dict[str, Any] = {}

    @property
    def needed_files(self) -> tuple[str, ...]:
        """Names of the files without which nothing can be answered."""
        return self.text.file, self.image.file, self.tokenizer, self.categories.file


class _Header(msgspec.Struct):
    schema_version: int = 0
    kind: str = ""


class Described(Protocol):
    """What the descriptions of all kinds of bundles have in common."""

    @property
    def files(self) -> dict[str, BundleFile]:
        """Checksum and size of each file."""

    @property
    def needed_files(self) -> tuple[str, ...]:
        """Names of the files without which nothing works."""


Spec = TypeVar("Spec", bound=Described)


class KindWords(NamedTuple):
    """A kind of bundles, and what is said where there is none, or one of another kind."""

    kind: str
    missing: str
    other: str


_REACTION = KindWords(
    KIND,
    "No model bundle in {folder}: {file} cannot be read ({reason}); put a bundle there or name another "
    "folder in REPARTEE_BUNDLE.",
    '{path} is a "{found}" bundle of schema {schema}, this program reads '
    f'"{KIND}" bundles of schema {{wanted}}: use the bundle that came with it.',
)


@dataclass(frozen=True)
class Bundle:
    """A verified bundle; `anchors` is (categories, dim) float32, unit norm."""

    folder: Path
    spec: BundleSpec
    anchors: NDArray[np.float32]

    @property
    def label(self) -> str:
        """Name and version, as shown to people and put into replies."""
        return f"{self.spec.name} {self.spec.version}"

    @property
    def vector_key(self) -> str:
        """Digest of all that GIF vectors depend on; two bundles with one key share their vectors.

        Variants of the text graph are left out, as they say the same within rounding.
        """
        spec = self.spec
        files = [spec.files[name].sha256 for name in spec.needed_files]
        text, image = msgspec.to_builtins(spec.text), msgspec.to_builtins(spec.image)
        del text["variants"]
        # Fields that came later count where they are used only, so that older bundles keep their vectors.
        if spec.text.spells_emoji:
            del text["spells_emoji"]
        for name, usual in {"framing": "square", "first_frame": False}.items():
            if image[name] == usual:
                del image[name]
        parts = (files, text, image, spec.categories, spec.fusion)
        return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:16]

    def path(self, name: str) -> Path:
        """Return where the file `name` of the bundle lies."""
        return self.folder / name


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify it: schema, kind, files present, their sizes and checksums, anchors.

    Raises:
        BundleError: names what is wrong and what to do.
    """
    spec = read_spec(folder, BundleSpec, _REACTION)
    for name in spec.text.variants.values():
        _check_listed(folder, spec, name)
    return Bundle(folder, spec, _read_anchors(folder, spec))


def read_spec(folder: Path, kind: type[Spec], words: KindWords) -> Spec:
    """Read the description of a bundle, and verify all files that it names.

    Raises:
        BundleError: it is missing, of another kind or schema, or a file is missing or another one.
    """
    spec = _decoded(folder / BUNDLE_FILE, kind, words)
    for name in spec.needed_files:
        _check_listed(folder, spec, name)
    for name, expected in spec.files.items():
        _verify_file(folder / name, expected)
    return spec


def _decoded(path: Path, kind: type[Spec], words: KindWords) -> Spec:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BundleError(
            words.missing.format(folder=path.parent, file=path.name, reason=error.strerror)
        ) from error
    try:
        header = msgspec.json.decode(raw, type=_Header)
        if header.kind != words.kind or header.schema_version != SCHEMA_VERSION:
            raise BundleError(
                words.other.format(
                    path=path, found=header.kind, schema=header.schema_version, wanted=SCHEMA_VERSION
                )
            )
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is not a readable bundle description ({error}): {REPAIR}.") from error


def _check_listed(folder: Path, spec: Described, name: str) -> None:
    if name not in spec.files:
        raise BundleError(f"{folder / BUNDLE_FILE} gives no checksum for {name}: {REPAIR}.")


def _verify_file(path: Path, expected: BundleFile) -> None:
    if not path.is_file():
        raise BundleError(f"The model file {path} is missing: {REPAIR}.")
    size = path.stat().st_size
    if size != expected.bytes:
        raise BundleError(f"The model file {path} has {size} bytes instead of {expected.bytes}: {REPAIR}.")
    if sha256_of(path) != expected.sha256:
        raise BundleError(f"The model file {path} has changed, its sha256 does not fit: {REPAIR}.")


def _read_anchors(folder: Path, spec: BundleSpec) -> NDArray[np.float32]:
    path = folder / spec.categories.file
    try:
        anchors = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleError(f"The category anchors {path} are unreadable ({error}): {REPAIR}.") from error
    shape = (len(spec.categories.names), spec.embedding_dim)
    if len(spec.ranking.category_bias) not in (0, shape[0]):
        raise BundleError(
            f"{folder / BUNDLE_FILE} gives a bias to {len(spec.ranking.category_bias)} of {shape[0]} "
            f"categories: {REPAIR}."
        )
    if anchors.shape != shape or anchors.dtype != np.float32:
        raise BundleError(
            f"The category anchors {path} are {anchors.dtype} {anchors.shape} "
            f"instead of float32 {shape}: {REPAIR}."
        )
    if not np.allclose(np.linalg.norm(anchors, axis=1), 1, atol=1e-3):
        raise BundleError(f"The category anchors {path} have not unit norm: {REPAIR}.")
    return np.asarray(anchors, dtype=np.float32)
