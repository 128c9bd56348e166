"""What is swapped in: a bundle under another version, GIFs that no catalogue knows, broken bundles."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec

from inference.bundle import BUNDLE_FILE, load_bundle
from inference.pack import MANIFEST_FILE, read_pack

GARBAGE = b"no graph at all"


def copy_bundle(bundle: Path, folder: Path, version: str) -> Path:
    """Copy a bundle under another version; its vectors of GIFs stay valid."""
    shutil.copytree(bundle, folder)
    _describe(folder, version=version)
    return folder


def flip_byte(bundle: Path) -> Path:
    """Change one byte of the text graph, as a bad disk or copy does."""
    path = bundle / load_bundle(bundle).spec.text.file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    return bundle


def replace_graph(bundle: Path) -> Path:
    """Put something into the place of the text graph that is none, with the right checksum."""
    spec = load_bundle(bundle).spec
    (bundle / spec.text.file).write_bytes(GARBAGE)
    files = msgspec.to_builtins(spec.files)
    files[spec.text.file] = {"sha256": hashlib.sha256(GARBAGE).hexdigest(), "bytes": len(GARBAGE)}
    _describe(bundle, files=files)
    return bundle


def make_new_pack(pack: Path, folder: Path, count: int) -> Path:
    """Write a pack of GIFs of another one as if they were others: a byte after their end, a new id."""
    lines = []
    for gif in read_pack(pack).gifs[:count]:
        content = (pack / gif.file).read_bytes() + b"\0"
        path = folder / gif.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        entry = msgspec.structs.replace(gif, id=hashlib.sha256(content).hexdigest())
        lines.append(msgspec.json.encode(entry) + b"\n")
    (folder / MANIFEST_FILE).write_bytes(b"".join(lines))
    return folder


def _describe(bundle: Path, **changes: Any) -> None:
    path = bundle / BUNDLE_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
