"""GIF, WebP and PNG files that nobody here made: those of Pillow's own tests, out of its sources on PyPI."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from export.data.downloads import cache_dir, tar_members, wheel

PILLOW = ("pillow", "13.0.0", "cdcd1ba258178f7356d74170c9a81ba4eab6a5d55748bc402a5a2a6fe6be3510")
KINDS = (".gif", ".webp", ".png", ".apng")


def unpack(folder: Path, kinds: Collection[str] = KINDS) -> list[Path]:
    """Write the files into a folder, and return where they are, broken ones and all."""
    name, version, _ = PILLOW
    paths = []
    for member, content in tar_members(_archive(), f"{name}-{version}/Tests/"):
        if Path(member).suffix in kinds:
            path = folder / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            paths.append(path)
    return sorted(paths)


def _archive() -> Path:
    """Return the source distribution; the index knows where it is, and is asked only where it is not here."""
    name, version, sha256 = PILLOW
    known = cache_dir() / f"{name}-{version}.tar.gz"
    if known.exists() and hashlib.sha256(known.read_bytes()).hexdigest() == sha256:
        return known
    return wheel(*PILLOW)  # by its checksum, whatever kind of file it is
