"""The download itself: each address is looked at when it is connected to, so no name can lead elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from ssl import SSLContext
from typing import BinaryIO

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from inference.errors import RefusedError
from inference.fetch._addresses import Address, is_public, read_address

PORTS = frozenset({80, 443})
REDIRECTS = 5
REDIRECTED = frozenset({301, 302, 303, 307, 308})
LONGEST_URL = 2048
LONGEST_NAME = 60  # characters, in UTF-8 up to four times as many bytes of the 255 that a name may have
CHUNK = 256 * 1024
PAGES = ("text/html", "application/xhtml+xml")
ACCEPTED = "image/gif, image/webp, image/apng, image/png, video/mp4, */*;q=0.1"
MIB = 1024 * 1024

NO_URL = "This is no link to a file on the web: give one that begins with https:// or http://."
TOO_LONG = (
    f"The link is longer than {LONGEST_URL} characters: give a shorter one, or download the file yourself."
)
CREDENTIALS = "The link carries a user name or password: give one that works without."
PORT = "The link names a port other than 80 and 443: only ordinary web addresses are fetched."
PRIVATE = "The link does not lead to a public server: only what anybody on the internet can open is fetched."
UNKNOWN = "The host of the link is not known: look for a slip in its name."
UNREACHABLE = "The server of the link cannot be reached: try again later, or download the file yourself."
NO_TLS = (
    "The server of the link cannot prove who it is (TLS): give another link, or download the file yourself."
)
STATUS = (
    "The server answers with {status}: open the link in a browser to see whether the file is still there."
)
REDIRECT_LOOP = (
    "The link leads from one address to the next without an end: give the link of the file itself."
)
DOWNGRADE = "The link leads from https to http, which others can change on the way: give another link."
PAGE = "The link leads to a page, not to a file: give the link of the file itself (copy the image's address)."
PACKED = "The server packs the file, though it was asked not to: download the file yourself and add it."
EMPTY = "There is an empty file behind the link: give another one."
TOO_LARGE = "The file behind the link is larger than {limit}: take a smaller one."
TOO_SLOW = "The file did not come within {timeout_s:g} s: try again later, or download it yourself."
BROKEN = (
    "The server broke off, or its answer is not understood: try again later, or download the file yourself."
)


async def fetch(url: str, folder: Path, *, max_bytes: int, timeout_s: float = 20.0) -> Path:
    """Download the file behind a link into a folder and return its path; the name is that in the link.

    Links are http or https, at ports 80 and 443, without user names, and lead to public addresses only, also
    after each of at most five redirects. Nothing is sent but the request and the program's name. What lies
    in the file is not looked at, only a web page is refused.

    Args:
        url: the link.
        folder: where the file goes; it exists.
        max_bytes: how large the file may be.
        timeout_s: seconds that all of it may take.

    Raises:
        RefusedError: says why; its code is "url".
    """
    return await Fetcher().fetch(url, folder, max_bytes=max_bytes, timeout_s=timeout_s)


class Fetcher:
    """Downloads under rules; others than the default ones are for tests and for a network of one's own."""

    def __init__(
        self,
        *,
        resolver: AbstractResolver | None = None,
        is_allowed: Callable[[Address], bool] = is_public,
        ports: Collection[int] = PORTS,
        tls: SSLContext | None = None,
    ) -> None:
        """Set the rules.

        Args:
            resolver: gives the addresses of a name, by default those that the system knows.
            is_allowed: whether an address may be connected to.
            ports: ports that may be connected to; none stands for all.
            tls: how servers prove who they are, by default by the system's certificates.
        """
        self._resolver = resolver
        self._is_allowed = is_allowed
        self._ports = ports
        self._tls = tls

    async def fetch(self, url: str, folder: Path, *, max_bytes: int, timeout_s: float = 20.0) -> Path:
        """Download the file behind a link: see `fetch` of this module.

        Raises:
            RefusedError: says why; its code is "url".
        """
        try:
            async with asyncio.timeout(timeout_s), self._session() as session:
                return await self._follow(session, self._checked(url), folder, max_bytes)
        except TimeoutError:
            raise _refused(TOO_SLOW.format(timeout_s=timeout_s)) from None
        except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
            raise _refused(NO_TLS) from None
        except aiohttp.ClientConnectorDNSError:
            raise _refused(UNKNOWN) from None
        except aiohttp.InvalidURL:  # such as 2130706433 for 127.0.0.1
            raise _refused(NO_URL) from None
        except aiohttp.ClientConnectorError:
            raise _refused(UNREACHABLE) from None
        except aiohttp.ClientError:
            raise _refused(BROKEN) from None

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """Open connections that keep nothing: no cookies, proxies, passwords, names or sockets."""
        resolver = _Resolver(self._resolver or aiohttp.ThreadedResolver(), self._is_allowed)
        connector = aiohttp.TCPConnector(
            resolver=resolver,
            use_dns_cache=False,
            force_close=True,
            socket_factory=self._socket,
            ssl=self._tls or True,
        )
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
            headers={
                "User-Agent": f"Repartee/{version('repartee')} (+GIF import)",
                "Accept": ACCEPTED,
                "Accept-Encoding": "identity",
            },
        ) as session:
            yield session

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for one address; all connections come through here, those to literals, too."""
        family, kind, protocol, _, place = info
        address = read_address(str(place[0]))
        if address is None or not self._is_allowed(address):
            raise _refused(PRIVATE)
        return socket.socket(family, kind, protocol)

    def _checked(self, said: str) -> URL:
        """Read a link.

        Raises:
            RefusedError: nothing is fetched from such a one.
        """
        if len(said) > LONGEST_URL:
            raise _refused(TOO_LONG)
        try:
            url = URL(said.strip())
            port = url.port
        except ValueError:
            raise _refused(NO_URL) from None
        if url.scheme not in ("http", "https") or not url.host:
            raise _refused(NO_URL)
        if url.user is not None or url.password is not None:
            raise _refused(CREDENTIALS)
        if self._ports and port not in self._ports:
            raise _refused(PORT)
        address = read_address(url.host)
        if address is not None and not self._is_allowed(address):
            raise _refused(PRIVATE)
        return url

    def _redirected(self, url: URL, location: str) -> URL:
        """Return where a redirect leads.

        Raises:
            RefusedError: it is not followed.
        """
        try:
            target = self._checked(str(url.join(URL(location))))
        except ValueError:
            raise _refused(BROKEN) from None
        if url.scheme == "https" and target.scheme == "http":
            raise _refused(DOWNGRADE)
        return target

    async def _follow(self, session: aiohttp.ClientSession, url: URL, folder: Path, max_bytes: int) -> Path:
        for _ in range(REDIRECTS + 1):
            async with session.get(url, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status not in REDIRECTED or location is None:
                    _check_head(response, max_bytes)
                    with _new_file(folder, url) as (file, path):
                        await _receive(response, file, max_bytes)
                        return path
                url = self._redirected(url, location)
        raise _refused(REDIRECT_LOOP)


class _Resolver(AbstractResolver):
    """Refuses names that have any address which is not allowed."""

    def __init__(self, inner: AbstractResolver, is_allowed: Callable[[Address], bool]) -> None:
        self._inner = inner
        self._is_allowed = is_allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Give the addresses of a name."""
        found = await self._inner.resolve(host, port, family)
        addresses = [read_address(entry["host"]) for entry in found]
        if not all(address is not None and self._is_allowed(address) for address in addresses):
            raise _refused(PRIVATE)
        return found

    async def close(self) -> None:
        """Free what the resolver holds."""
        await self._inner.close()


def _check_head(response: aiohttp.ClientResponse, max_bytes: int) -> None:
    if response.status != 200:
        raise _refused(STATUS.format(status=response.status))
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise _refused(PACKED)
    if response.content_type in PAGES:
        raise _refused(PAGE)
    if response.content_length is not None and response.content_length > max_bytes:
        raise _too_large(max_bytes)


async def _receive(response: aiohttp.ClientResponse, file: BinaryIO, max_bytes: int) -> None:
    """Write a body as it comes, as long as it is no larger than it may be."""
    received = 0
    async for chunk in response.content.iter_chunked(CHUNK):
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        await asyncio.to_thread(file.write, chunk)
    if received == 0:
        raise _refused(EMPTY)


@contextlib.contextmanager
def _new_file(folder: Path, url: URL) -> Iterator[tuple[BinaryIO, Path]]:
    """Create a file that nobody else has, named as in the link; it is gone again if the block fails."""
    file, path = _created(folder, _file_name(url))
    try:
        with file:
            yield file, path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _created(folder: Path, name: str) -> tuple[BinaryIO, Path]:
    wanted = Path(name)
    for number in itertools.count(2):
        path = folder / name
        with contextlib.suppress(FileExistsError):
            return path.open("xb"), path
        name = f"{wanted.stem}-{number}{wanted.suffix}"
    raise AssertionError("there is always a next number")


def _file_name(url: URL) -> str:
    """Make a harmless file name out of the last part of a link's path."""
    name = re.sub(r"[^\w.-]+", "-", url.name).strip(".-")
    return name[-LONGEST_NAME:].lstrip(".-") or "download"


def _refused(text: str) -> RefusedError:
    return RefusedError(text, "url")


def _too_large(max_bytes: int) -> RefusedError:
    limit = f"{max_bytes // MIB} MiB" if max_bytes >= MIB else f"{max_bytes} bytes"
    return _refused(TOO_LARGE.format(limit=limit))
