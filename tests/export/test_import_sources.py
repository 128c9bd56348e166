"""Where checkpoints come from: folders, files, and a server that speaks as Hugging Face's does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from export.checkpoints.errors import CheckpointError
from export.data.downloads import DownloadError
from export.importing.sources import NEEDS_MODEL, open_source, weights_file
from export.importing.tokenizer import has_tokenizer, read_tokenizer
from tests.export import importable

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b'{"model_type": "hybrid-clip"}',
    "flax_model.msgpack": b"\x80",
    "pytorch_model.bin": b"not wanted beside the other one",
    "README.md": b"not wanted",
    "tokenizer.json": b"{}",
}


class Hub(BaseHTTPRequestHandler):
    """Answers what the client library asks for one repository."""

    asked: list[str]

    def do_HEAD(self) -> None:
        self._file(with_body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/owner/model"):
            self._send(json.dumps(self._listing()).encode(), {"Content-Type": "application/json"})
        else:
            self._file(with_body=True)

    def _listing(self) -> dict[str, object]:
        siblings = [{"rfilename": name} for name in FILES]
        return {"_id": "1", "id": "owner/model", "sha": COMMIT, "siblings": siblings, "tags": []}

    def _file(self, *, with_body: bool) -> None:
        prefix, _, name = self.path.partition(f"/resolve/{COMMIT}/")
        if prefix != "/owner/model" or name not in FILES:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if with_body:
            self.server.asked.append(name)  # type: ignore[attr-defined]
        content = FILES[name]
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        self._send(content, headers, with_body=with_body)

    def _send(self, content: bytes, headers: dict[str, str], *, with_body: bool = True) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing on standard error."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """Start the server, and point the cache of downloads to an empty folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_repository_is_fetched_pinned_and_kept(hub: ThreadingHTTPServer) -> None:
    found = open_source("owner/model", needed=NEEDS_MODEL)
    assert found.revision == COMMIT
    assert found.label == f"owner/model@{COMMIT}"
    wanted = ["config.json", "flax_model.msgpack", "tokenizer.json"]
    assert sorted(hub.asked) == wanted  # type: ignore[attr-defined]
    assert {name: (found.folder / name).read_bytes() for name in wanted} == {n: FILES[n] for n in wanted}
    open_source("owner/model", needed=NEEDS_MODEL)
    assert len(hub.asked) == 3  # type: ignore[attr-defined]


def test_a_commit_that_was_fetched_needs_no_network(
    hub: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_source("owner/model", needed=NEEDS_MODEL)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert open_source("owner/model", needed=NEEDS_MODEL, revision=COMMIT) == first


def test_a_repository_that_is_not_there_is_said_to_be(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(DownloadError, match=r"owner/other at revision main is not to be had from http.*404"):
        open_source("owner/other", needed=NEEDS_MODEL)


def test_what_cannot_be_a_repository_is_refused(hub: ThreadingHTTPServer) -> None:
    with pytest.raises(DownloadError, match=r"owner/-model-- .*no repository is called so"):
        open_source("owner/-model--", needed=NEEDS_MODEL)


def test_without_a_network_a_sentence_says_which_files_to_bring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError) as caught:
        open_source("owner/model", needed=NEEDS_MODEL)
    sentence = str(caught.value)
    assert "cannot be reached" in sentence
    for part in (
        "config.json",
        "flax_model.msgpack",
        "vocab.json",
        "/owner/model/tree/main",
        "checkpoints/model",
    ):
        assert part in sentence


def test_what_is_no_folder_and_no_id_is_refused() -> None:
    with pytest.raises(CheckpointError, match="neither a folder nor a file here, nor the id"):
        open_source("no/such/folder", needed=NEEDS_MODEL)


def test_a_file_of_weights_is_a_source(tmp_path: Path) -> None:
    for name in ("coco.pt", "conceptual.pt"):
        (tmp_path / name).write_bytes(b"x")
    assert weights_file(open_source(str(tmp_path / "coco.pt"), needed="")).name == "coco.pt"
    with pytest.raises(CheckpointError, match=r"several files of weights \(coco\.pt, conceptual\.pt\)"):
        weights_file(open_source(str(tmp_path), needed=""))
    (tmp_path / "coco.pt").unlink()
    assert weights_file(open_source(str(tmp_path), needed="")).name == "conceptual.pt"


def test_a_folder_without_weights_says_what_to_bring(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has no weights: bring .*flax_model\.msgpack"):
        weights_file(open_source(str(tmp_path), needed=""))


def test_roberta_gets_its_tokens_around_a_text(tmp_path: Path) -> None:
    importable.byte_pairs(tmp_path)
    encoding = read_tokenizer(tmp_path, vocabulary=200).encode("hi you")
    assert encoding.tokens == ["<s>", "hi", "\u0120", "y", "o", "u", "</s>"]
    assert encoding.special_tokens_mask == [1, 0, 0, 0, 0, 0, 1]


def test_gpt2_gets_none(tmp_path: Path) -> None:
    importable.byte_pairs(tmp_path, ["<|endoftext|>"])
    assert read_tokenizer(tmp_path, vocabulary=200).encode("hi.").tokens == ["hi", "."]


def test_a_cased_bert_stays_cased(tmp_path: Path) -> None:
    importable.word_pieces(tmp_path)
    assert read_tokenizer(tmp_path, vocabulary=200).encode("Hi").tokens == ["[CLS]", "H", "##i", "[SEP]"]


def test_a_ready_tokenizer_comes_first(tmp_path: Path) -> None:
    importable.byte_pairs(tmp_path)
    made = read_tokenizer(tmp_path, vocabulary=200)
    made.enable_truncation(max_length=2)
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "merges.txt").unlink()
    assert has_tokenizer(tmp_path)
    assert len(read_tokenizer(tmp_path, vocabulary=200).encode("hi you").ids) == 7


def test_a_tokenizer_of_another_model_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no tokenizer: bring"):
        read_tokenizer(tmp_path, vocabulary=200)
    importable.byte_pairs(tmp_path)
    with pytest.raises(CheckpointError, match=r"ids up to 100, the model knows 60"):
        read_tokenizer(tmp_path, vocabulary=60)
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_tokenizer(tmp_path, vocabulary=200)
