"""The animated emoji the pack is made of: pinned npm tarballs, unpacked once into a cache folder."""

import base64
import hashlib
import os
import re
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, ImageSequence

SOURCE_FRAME_MS = 42
"""Duration in ms given to the only frame of a picture that does not move."""

_SKIN_TONE = re.compile(r"1f3f[b-f]")
_CHUNK = 1 << 20

Progress = Callable[[int], None]


class SourceError(Exception):
    """A tarball or a picture is missing, or is not the pinned one."""


@dataclass(frozen=True, slots=True)
class Tarball:
    """One npm package at a pinned version."""

    name: str
    version: str
    sha512: str
    size: int

    @property
    def file_name(self) -> str:
        """Name of the file that `npm pack` writes."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"

    @property
    def url(self) -> str:
        """Address of the tarball in the npm registry."""
        stem = self.name.split("/")[-1]
        return f"https://registry.npmjs.org/{self.name}/-/{stem}-{self.version}.tgz"


TARBALLS = (
    Tarball(
        "@lobehub/fluent-emoji-anim-1",
        "1.0.0",
        "/4m31vAuZEQ4aUJ5pxcOU5PVkuJya55GRxUZL7+zgLlxZXpzzE8jPqpDyhZICE3n47nS/Y9M5/vLdizi8201QA==",
        164966217,
    ),
    Tarball(
        "@lobehub/fluent-emoji-anim-2",
        "1.0.0",
        "S6yzf0RZXrQbXdxCWuHA9BAoLdBRk2flX+ne4TPGEH/qApwisCAKHoAAGjKSlTY3OVeZ9b7t/NEbmpjawnQYJA==",
        181915962,
    ),
    Tarball(
        "@lobehub/fluent-emoji-anim-3",
        "1.0.0",
        "UzRSUDMjdfdt9vER5bhjHkPqgc3EEgfGtYs6ndvizOTvQOxYQ57ow2RTkWSDZxwW30X4EYBi2eWTS7CXDDoFsg==",
        197000910,
    ),
    Tarball(
        "@lobehub/fluent-emoji-anim-4",
        "1.0.0",
        "IIkl5ztSd1HrzvIDt/uGsFoC1WODXRdYq5uROrnkyqi9DbToEcJ1nlY86PnoUXeFS9nBCnHfiYk3ouSEGThFmA==",
        185915894,
    ),
)


def default_cache() -> Path:
    """Return the folder for downloads and unpacked pictures (`REPARTEE_CACHE`, else the user's cache)."""
    if own := os.environ.get("REPARTEE_CACHE"):
        return Path(own) / "emoji"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "repartee" / "emoji"


class EmojiSource:
    """Read the frames of a Fluent emoji by its code point, such as `1f917` or `2764-fe0f`."""

    def __init__(self, root: Path) -> None:
        """Index `root`, a folder that `unpack` has filled: `<package number>/<code point>.webp`."""
        self._paths = {path.stem: path for path in sorted(root.glob("*/*.webp"))}
        self._packages = {str(number): tarball for number, tarball in enumerate(TARBALLS, start=1)}
        if not self._paths:
            raise SourceError(f"no pictures in {root}: run `python -m assets.build` first, it unpacks them")

    def code_points(self) -> list[str]:
        """Return every code point sequence there is, sorted; skin-tone variants are left out."""
        return sorted(self._paths)

    def tarball(self, code_point: str) -> Tarball:
        """Return the npm package that the picture comes from."""
        return self._packages[self._path(code_point).parent.name]

    def frames(self, code_point: str) -> tuple[list[Image.Image], list[int]]:
        """Return all frames, RGBA 256 x 256 with straight alpha, and their durations in ms."""
        with Image.open(self._path(code_point)) as picture:
            images: list[Image.Image] = []
            durations: list[int] = []
            for frame in ImageSequence.Iterator(picture):
                images.append(frame.convert("RGBA"))
                durations.append(int(frame.info.get("duration", 0)) or SOURCE_FRAME_MS)
        return images, durations

    def load(self, code_point: str) -> list[Image.Image]:
        """Return all frames only, as compositions take them."""
        return self.frames(code_point)[0]

    def _path(self, code_point: str) -> Path:
        try:
            return self._paths[code_point]
        except KeyError:
            raise SourceError(f"the source has no picture of the code point {code_point}") from None


def fetch(tarball: Tarball, folder: Path, progress: Progress | None = None) -> Path:
    """Download `tarball` into `folder` unless it is there, and check it.

    `progress` is called with the number of bytes that arrived.

    Raises:
        SourceError: the bytes are not the pinned ones.
        OSError: the registry cannot be reached or the folder cannot be written.
    """
    path = folder / tarball.file_name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        with urllib.request.urlopen(tarball.url, timeout=60) as response, partial.open("wb") as out:
            for chunk in _chunks(response):
                out.write(chunk)
                if progress is not None:
                    progress(len(chunk))
        partial.rename(path)
    verify(path, tarball.sha512)
    return path


def verify(path: Path, sha512: str) -> None:
    """Check a file against its base64 SHA-512, as npm's lock files write it.

    Raises:
        SourceError: the file differs.
    """
    digest = hashlib.sha512()
    with path.open("rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    if base64.b64encode(digest.digest()).decode() != sha512:
        raise SourceError(f"{path} is not the pinned file (its SHA-512 differs): delete it and try again")


def unpack(path: Path, number: int, root: Path) -> None:
    """Write the pictures of a tarball to `root/<number>/<code point>.webp`, skin-tone variants left out."""
    folder = root / str(number)
    done = folder / ".done"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path) as archive:
        for member in archive:
            stem, suffix = os.path.splitext(os.path.basename(member.name))
            if suffix != ".webp" or _SKIN_TONE.search(stem):
                continue
            content = archive.extractfile(member)
            if content is not None:
                (folder / f"{stem}.webp").write_bytes(content.read())
    done.touch()


def open_source(
    cache: Path | None = None, tarballs: Path | None = None, progress: Progress | None = None
) -> EmojiSource:
    """Open the emoji: unpacked ones from `cache`, else from the folder `tarballs`, else from npm.

    Raises:
        SourceError: a file is missing or not the pinned one.
    """
    cache = cache or default_cache()
    root = cache / "pictures"
    for number, tarball in enumerate(TARBALLS, start=1):
        if (root / str(number) / ".done").exists():
            continue
        if tarballs is None:
            path = fetch(tarball, cache / "downloads", progress)
        elif (path := tarballs / tarball.file_name).exists():
            verify(path, tarball.sha512)
        else:
            raise SourceError(f"{tarballs} has no {tarball.file_name}: `npm pack {tarball.name}` makes it")
        unpack(path, number, root)
    return EmojiSource(root)


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk
