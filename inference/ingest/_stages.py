"""The stages in a child, one after the other: from a file to all that is stored of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
import numpy as np

from inference.bundle import load_bundle
from inference.captioner import Captioner
from inference.encoders import ImageEncoder, TextEncoder
from inference.errors import BundleError, RefusedError
from inference.fingerprints import MOMENTS, Bits, fingerprint
from inference.fusion import Floats, OwnEmbedder, own_vector_key
from inference.ingest._caption import make_name
from inference.ingest._clip import Clip, open_clip
from inference.ingest._encode import encode_gif
from inference.ingest._messages import Prepared
from inference.ingest._ocr import TextReader, find_models
from inference.ingest._rating import Rater, find_model
from inference.ingest._scan import Scan, scan
from inference.ingest._submission import Options, Stage, StageReport, Submission
from inference.ingest._trial import open_captioner
from inference.legible import legible
from inference.pack import PackGif
from inference.wording import make_alt_text

if TYPE_CHECKING:
    from PIL import Image

MARKED, UNMARKED = "r", "g"
MOST_CATEGORIES = 3
MADE_UP = ("name", "categories", "alt_text")

SWITCHED_OFF = "switched off"
NOT_INSTALLED = "not installed"
UNCAPTIONED = "{name} (without a caption: the captioner cannot be used)"
REFUSED = "refused"
FAILED = (
    "The captioner fails at GIFs that are taken in ({reason}), which go in without a caption: import it "
    "again, or name another folder in REPARTEE_CAPTIONER."
)

ALIKE = "It looks like a GIF that is there already."
FLASHING = (
    "It flashes more than three times in a second, which can cause seizures: send a calmer one, or have "
    "flashing GIFs allowed."
)
UNSAFE = "It is probably unfit for work ({probability:.0%}), a model says: send another one."
UNKNOWN_CATEGORY = 'The model knows no category "{name}": leave the categories out, and it chooses itself.'

OnReport = Callable[[StageReport], None]
IsNew = Callable[[bytes], bool]
OnRemark = Callable[[str], None]
Result = TypeVar("Result")


class Stopwatch:
    """Times the stages of one file."""

    def __init__(self, on_report: OnReport) -> None:
        self._on_report = on_report

    def time(self, stage: Stage, work: Callable[[], tuple[Result, str]]) -> Result:
        """Do a stage's work, report it with the note that it gives, and return its result."""
        started, note = time.perf_counter(), REFUSED
        try:
            result, note = work()
            return result
        finally:
            self._on_report(StageReport(stage=stage, ms=(time.perf_counter() - started) * 1e3, note=note))


class SeenOnce(ImageEncoder):
    """Encodes the same list of frames once, though category and vector both ask for it."""

    _frames: Sequence[Image.Image] | None = None
    _vector: Floats

    def encode(self, frames: Sequence[Image.Image]) -> Floats:
        """Embed the frames of one GIF: (dim,) float32, unit norm."""
        if frames is not self._frames:
            self._vector, self._frames = super().encode(frames), frames
        return self._vector


class Preparer:
    """Files to what is stored of them; all that a child loads once."""

    def __init__(self, bundle: str, options: Options, on_remark: OnRemark = lambda text: None) -> None:
        """Load the models but the captioner.

        Args:
            bundle: folder of the bundle.
            options: how files are worked on.
            on_remark: is told why the captioner cannot be used; what it says can be done without.

        Raises:
            BundleError: the bundle, or a model of an extra, cannot be used.
        """
        self._bundle = load_bundle(Path(bundle))
        self._options = options
        self._embedder = OwnEmbedder(self._bundle, TextEncoder(self._bundle), SeenOnce(self._bundle))
        self._read_text = _open_reader() if self._is_on(Stage.TEXT) else None
        self._rate = _open_rater() if self._is_on(Stage.RATING) else None
        self._captioner: Captioner | None = None
        self._wants_caption = False
        self._on_remark = on_remark

    def open_captioner(self, folder: str) -> None:
        """Load the captioner of a folder, or remark why it cannot be used."""
        self._wants_caption = True
        try:
            self._captioner = open_captioner(Path(folder))
        except Exception as error:  # whatever it is: the caption can be done without
            self._on_remark(str(error) if isinstance(error, BundleError) else _unusable(error))

    def __call__(self, submission: Submission, on_report: OnReport, is_new: IsNew) -> Prepared:
        """Do all stages but the last, which stores.

        Raises:
            RefusedError: the file cannot be taken in.
        """
        watch, path = Stopwatch(on_report), Path(submission.path)
        self._check_categories(submission.categories)
        clip, seen = watch.time(Stage.DECODE, lambda: self._decode(path))
        look = watch.time(Stage.DUPLICATE, lambda: self._compare(seen, is_new))
        watch.time(Stage.FLASH, lambda: self._check_flashes(seen))
        text = watch.time(Stage.TEXT, lambda: self._find_text(seen.stills))
        film = seen.film
        # A model that looks at one frame must not decide what the others may show.
        rated = film.frames if len(film.frames) > 1 else film.moments
        rating = watch.time(Stage.RATING, lambda: self._find_rating(rated))
        data = watch.time(Stage.ENCODE, lambda: self._encode(clip, path))
        entry = watch.time(
            Stage.CAPTION, lambda: self._describe(submission, text, rating, data, seen.film.moments)
        )
        entry, vector = watch.time(Stage.VECTOR, lambda: self._embed(seen.film.frames, entry))
        return Prepared(
            entry=entry,
            data=data,
            fingerprint=look.tobytes(),
            vector=np.asarray(vector, "<f4").tobytes(),
            model=own_vector_key(self._bundle),
        )

    def _is_on(self, stage: Stage) -> bool:
        return stage not in self._options.skipped

    def _check_categories(self, categories: Sequence[str]) -> None:
        known = self._bundle.spec.categories.names
        if unknown := [name for name in categories if name not in known]:
            raise RefusedError(UNKNOWN_CATEGORY.format(name=unknown[0]), "unsupported")

    def _decode(self, path: Path) -> tuple[tuple[Clip, Scan], str]:
        clip = open_clip(path, self._options.limits)
        image, is_on = self._bundle.spec.image, self._is_on(Stage.FLASH)
        seen = scan(clip, frames=image.frames, moments=MOMENTS, check_flash=is_on, first=image.first_frame)
        width, height = clip.size
        return (clip, seen), f"{clip.kind}, {width} x {height}, {len(seen.durations_ms)} frames"

    def _compare(self, seen: Scan, is_new: IsNew) -> tuple[Bits, str]:
        look = fingerprint(seen.film.moments)
        if not self._is_on(Stage.DUPLICATE):
            return look, SWITCHED_OFF
        if not is_new(look.tobytes()):
            raise RefusedError(ALIKE, "duplicate")  # the parent knows of which, and says it better
        return look, "none"

    def _check_flashes(self, seen: Scan) -> tuple[None, str]:
        if seen.flash is None:
            return None, SWITCHED_OFF
        if seen.flash.is_flashing and not self._options.takes_flashing:
            raise RefusedError(FLASHING, "flashing")
        return None, f"at most {seen.flash.worst_per_second} in a second"

    def _find_text(self, stills: Sequence[Image.Image]) -> tuple[str, str]:
        if self._read_text is None:
            return "", self._why_not(Stage.TEXT)
        text = self._read_text(stills)
        return text, f'"{text}"' if text else "none"

    def _find_rating(self, frames: Sequence[Image.Image]) -> tuple[str, str]:
        if self._rate is None:
            return UNMARKED, self._why_not(Stage.RATING)
        probability = self._rate(frames)
        if probability >= self._options.refused_from:
            raise RefusedError(UNSAFE.format(probability=probability), "unsafe")
        rating = MARKED if probability >= self._options.marked_from else UNMARKED
        return rating, f"{rating}, {probability:.0%} unfit for work"

    def _encode(self, clip: Clip, path: Path) -> tuple[bytes, str]:
        budget, edge = self._options.budget_bytes, self._options.max_edge
        data = encode_gif(clip, path, budget_bytes=budget, max_edge=edge)
        return data, f"{len(data) / 1e3:,.0f} kB"

    def _describe(
        self, asked: Submission, text: str, rating: str, data: bytes, moments: Sequence[Image.Image]
    ) -> tuple[PackGif, str]:
        caption = self._caption(moments)
        name = legible(asked.name) or make_name(asked.label, asked.tags, text, caption or "")
        digest = hashlib.sha256(data).hexdigest()
        entry = PackGif(
            id=digest,
            file=f"{digest[:2]}/{digest}.gif",
            name=name,
            categories=asked.categories[:MOST_CATEGORIES],
            tags=asked.tags,
            alt_text=legible(asked.alt_text) or make_alt_text(name, asked.tags, text, caption or ""),
            licence=asked.licence,
            rating=rating,
            text=text,
            caption=caption or "",
            made_up=[field for field in MADE_UP if not legible("".join(getattr(asked, field)))],
        )
        is_missed = self._wants_caption and caption is None
        return entry, UNCAPTIONED.format(name=name) if is_missed else name

    def _caption(self, moments: Sequence[Image.Image]) -> str | None:
        """Return the caption, empty where the captioner is too unsure, None where there is no use of it."""
        if self._captioner is None:
            return None
        try:
            return self._captioner.describe(moments)
        except Exception as error:  # also for want of memory: the GIF goes in without a caption
            self._on_remark(_unusable(error))
            return None

    def _embed(self, frames: Sequence[Image.Image], entry: PackGif) -> tuple[tuple[PackGif, Floats], str]:
        categories = entry.categories or self._embedder.categories(frames, entry)
        entry = msgspec.structs.replace(entry, categories=categories)
        return (entry, self._embedder.embed(frames, entry)), ", ".join(categories)

    def _why_not(self, stage: Stage) -> str:
        return NOT_INSTALLED if self._is_on(stage) else SWITCHED_OFF


def _open_reader() -> TextReader | None:
    models = find_models()
    return None if models is None else TextReader(models)


def _unusable(error: Exception) -> str:
    """Say that the captioner failed, alike for alike failures, as the parent tells each once."""
    return FAILED.format(reason=type(error).__name__)


def _open_rater() -> Rater | None:
    model = find_model()
    return None if model is None else Rater(model)
