"""Fetches single files of a Hugging Face repository, pinned to one commit, into the cache of downloads."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from export.data.downloads import DownloadError, cache_dir

HOST = "https://huggingface.co"
REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
COMMIT = re.compile(r"[0-9a-f]{40}")
TIMEOUT_S = 10.0

OFFLINE = (
    "{host} cannot be reached ({reason}): on a machine that can, fetch {files} from "
    "{host}/{name}/tree/{revision}, put them into one folder here, such as checkpoints/{short}, and give "
    "that folder instead of {name}"
)
REFUSED = "{name} at revision {revision} is not to be had from {host}: {reason}"

Choice = Callable[[Sequence[str]], list[str]]
"""Which of a repository's files are wanted."""


class Snapshot(NamedTuple):
    """Files of a repository as they are at one commit; `folder` has them on this machine."""

    folder: Path
    commit: str


def is_repository(name: str) -> bool:
    """Say whether a text has the form of a repository's id, as in "owner/model"."""
    return REPOSITORY.fullmatch(name) is not None


def fetch(name: str, choose: Choice, *, needed: str, revision: str | None = None) -> Snapshot:
    """Return files of a repository, fetched at most once; a bar shows how far each is.

    A commit whose files are in the cache needs no network. HF_ENDPOINT names another host, HF_TOKEN a key for
    files that are not public.

    Args:
        name: the repository, as "owner/model".
        choose: picks the files out of a list of all.
        needed: the files in words, for somebody who has to fetch them by hand.
        revision: commit, branch or tag; None for the newest commit.

    Raises:
        DownloadError: says in one sentence what failed, and which files to bring where there is no network.
    """
    host = os.environ.get("HF_ENDPOINT", HOST).rstrip("/")
    known = _cached(name, revision, choose)
    if known is not None:
        return known
    try:
        return _fetch(host, name, choose, revision)
    except _network_errors() as error:
        if (answer := _answer(error)) is None:
            raise _offline(error, host, name, revision, needed) from error
        raise DownloadError(
            REFUSED.format(name=name, revision=revision or "main", host=host, reason=answer)
        ) from error


def _fetch(host: str, name: str, choose: Choice, revision: str | None) -> Snapshot:
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi(endpoint=host).model_info(name, revision=revision, timeout=TIMEOUT_S)
    commit = str(info.sha)
    path: str | None = None
    for file in choose([sibling.rfilename for sibling in info.siblings or []]):
        path = hf_hub_download(name, file, revision=commit, cache_dir=_cache(), endpoint=host)
    if path is None:
        raise DownloadError(f"{name} at {commit} has no file that can be used here")
    return Snapshot(_cache() / _folder_name(name) / "snapshots" / commit, commit)


def _cached(name: str, revision: str | None, choose: Choice) -> Snapshot | None:
    """Return a commit that was fetched before; branches and tags may have moved since."""
    if revision is None or COMMIT.fullmatch(revision) is None:
        return None
    folder = _cache() / _folder_name(name) / "snapshots" / revision
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    return Snapshot(folder, revision) if files and _is_whole(choose(files)) else None


def _is_whole(files: Sequence[str]) -> bool:
    weights = any(file.endswith((".msgpack", ".safetensors", ".bin", ".pt", ".pth")) for file in files)
    return weights or any(file.endswith(("tokenizer.json", "merges.txt", "vocab.txt")) for file in files)


def _answer(error: Exception) -> str | None:
    """Return what the host itself says of a request that it refused, None where it did not answer."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if isinstance(error, HFValidationError):
        return "no repository is called so"
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if not isinstance(error, HfHubHTTPError) or status >= HTTPStatus.BAD_GATEWAY:
        return None
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [f"status {status}"])[0].rstrip(".")


def _network_errors() -> tuple[type[Exception], ...]:
    """Return what the library raises without a network; the root is that of its HTTP client of the day."""
    from huggingface_hub import errors

    client: type[Exception] = vars(errors)["HTTPError"]
    return client, errors.LocalEntryNotFoundError, errors.HFValidationError, OSError


def _offline(error: Exception, host: str, name: str, revision: str | None, needed: str) -> DownloadError:
    reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
    return DownloadError(
        OFFLINE.format(
            host=host,
            reason=reason,
            files=needed,
            name=name,
            revision=revision or "main",
            short=name.rpartition("/")[2],
        )
    )


def _cache() -> Path:
    return cache_dir() / "huggingface"


def _folder_name(name: str) -> str:
    return f"models--{name.replace('/', '--')}"
