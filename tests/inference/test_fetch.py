"""Downloads over real sockets: what is fetched, what is refused, and that a refusal reaches no server."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from inference.errors import RefusedError
from inference.fetch import Fetcher, fetch, is_public
from inference.fetch._addresses import Address

GIF = b"GIF89a" + bytes(range(256)) * 40
LOOPBACK = IPv4Address("127.0.0.1")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """A web server on loopback that remembers what it was asked."""

    def __init__(self, pages: dict[str, Handler]) -> None:
        self.pages = pages
        self.requests: list[web.Request] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.pages[request.path](request)

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(pages: dict[str, Handler], tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site(pages)
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw(answer: bytes) -> AsyncIterator[str]:
    """Serve the same bytes to whoever asks, then hang up; gives the URL."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.gif"


def page(body: bytes = GIF, **options: object) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, **options)  # type: ignore[arg-type]

    return answer


def gif() -> Handler:
    return page(content_type="image/gif")


def leads_to(place: str, status: int = 302) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": place, "Set-Cookie": "seen=1; Path=/"})

    return answer


class Names(AbstractResolver):
    """Answers each question for a name with the next of its answers."""

    def __init__(self, **answers: Sequence[list[str]]) -> None:
        self.answers = {name: list(sequence) for name, sequence in answers.items()}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host not in self.answers:
            raise OSError(f"no {host}")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self.answers[host].pop(0)
        ]

    async def close(self) -> None:
        return


def is_loopback(address: Address) -> bool:
    return address == LOOPBACK


def open_fetcher(resolver: AbstractResolver | None = None, tls: ssl.SSLContext | None = None) -> Fetcher:
    """Return a fetcher for which 127.0.0.1, and nothing else, is public."""
    return Fetcher(resolver=resolver, is_allowed=is_loopback, ports=(), tls=tls)


async def refusal(fetcher: Fetcher, url: str, folder: Path, **limits: float) -> str:
    with pytest.raises(RefusedError) as refused:
        await fetcher.fetch(url, folder, **({"max_bytes": 100_000} | limits))  # type: ignore[arg-type]
    assert refused.value.code == "url"
    assert list(folder.iterdir()) == []
    return str(refused.value)


async def test_a_file_comes_whole_and_keeps_its_name(tmp_path: Path) -> None:
    async with serving({"/cats/happy cat.gif": gif()}) as site:
        path = await open_fetcher().fetch(site.url("/cats/happy%20cat.gif?w=9"), tmp_path, max_bytes=len(GIF))
        again = await open_fetcher().fetch(site.url("/cats/happy%20cat.gif"), tmp_path, max_bytes=len(GIF))
    assert path.read_bytes() == again.read_bytes() == GIF
    assert [path.name, again.name] == ["happy-cat.gif", "happy-cat-2.gif"]
    assert path.parent == tmp_path


@pytest.mark.parametrize("path", ["/", "/...", "/%2e%2e%2fetc%2fpasswd", "/" + "\u732b" * 300 + ".gif"])
async def test_no_link_makes_a_harmful_file_name(path: str, tmp_path: Path) -> None:
    async with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nGIF") as url:
        found = await open_fetcher().fetch(url.replace("/a.gif", path), tmp_path, max_bytes=3)
    assert list(tmp_path.iterdir()) == [found]
    assert not found.name.startswith(".")


async def test_a_request_says_who_asks_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1/")
    async with serving({"/a": leads_to("/b"), "/b": gif()}) as site:
        await open_fetcher().fetch(site.url("/a"), tmp_path, max_bytes=100_000)
        for request in site.requests:
            assert set(request.headers) == {"Host", "User-Agent", "Accept", "Accept-Encoding", "Connection"}
            assert request.headers["User-Agent"].startswith("Repartee/")
            assert request.headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.gif",
        "http://10.1.2.3/a.gif",
        "https://192.168.0.1/a.gif",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.200/latest/meta-data/",
        "http://168.63.129.16/machine",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/a.gif",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/a.gif",
        "http://[::ffff:7f00:1]/a.gif",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://[fe80::1%25lo]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://localhost/a.gif",
        "http://0x7f000001/",
        "http://0x7f.1/",
    ],
)
async def test_what_is_not_public_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="public server") as refused:
        await fetch(url, tmp_path, max_bytes=100)
    assert refused.value.code == "url"


@pytest.mark.parametrize(
    "host", ["2130706433", "127.1", "017700000001", "0177.0.0.1", "127.0.0.1.", "localhost."]
)
async def test_other_ways_to_write_an_address_are_refused(host: str, tmp_path: Path) -> None:
    async with serving({"/a.gif": gif()}) as site:
        await refusal(Fetcher(ports=()), site.url("/a.gif", host), tmp_path)
        assert site.requests == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1"])
async def test_no_way_to_this_host_reaches_a_server(host: str, tmp_path: Path) -> None:
    async with serving({"/a.gif": gif()}) as site:
        said = await refusal(Fetcher(ports=()), site.url("/a.gif", host), tmp_path)
        assert site.requests == []
    assert "public server" in said
    assert "127." not in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no link"),
        ("ftp://example.com/a.gif", "no link"),
        ("file:///etc/passwd", "no link"),
        ("data:image/gif;base64,R0lG", "no link"),
        ("//example.com/a.gif", "no link"),
        ("https:///a.gif", "no link"),
        ("http://[::1/a.gif", "no link"),
        ("http://example.com:99999/", "no link"),
        ("https://\ud800.example/", "no link"),
        ("https://me:secret@example.com/a.gif", "password"),
        ("https://me@example.com/a.gif", "user name"),
        ("http://example.com:8080/a.gif", "port"),
        ("http://example.com:22/", "port"),
        ("https://example.com/" + "a" * 3000, "longer"),
    ],
)
async def test_other_links_are_refused_before_anybody_is_asked(url: str, reason: str, tmp_path: Path) -> None:
    assert reason in await refusal(Fetcher(resolver=Names()), url, tmp_path)


def test_only_what_the_internet_can_reach_is_public() -> None:
    public = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
    private = ["192.0.0.192", "198.18.0.1", "100.64.0.1", "240.0.0.1", "192.88.99.1", "64:ff9b::7f00:1"]
    private += ["fec0::1", "ff02::1", "2001:db8::1", "2001:0:1::1", "::8.8.8.8", "64:ff9b:1::1", "4000::1"]
    assert [address for address in public if not is_public(ip_address(address))] == []
    assert [address for address in private if is_public(ip_address(address))] == []


async def test_one_private_address_of_a_name_is_one_too_many(tmp_path: Path) -> None:
    async with serving({"/a.gif": gif()}) as site:
        names = Names(both=[["127.0.0.1", "10.0.0.7"]])
        assert "public server" in await refusal(open_fetcher(names), site.url("/a.gif", "both"), tmp_path)
        assert site.requests == []


async def test_a_name_is_asked_for_once_and_what_it_gave_is_connected_to(tmp_path: Path) -> None:
    async with serving({"/a.gif": gif()}) as site:
        names = Names(cats=[["127.0.0.1"], ["10.0.0.7"]])
        path = await open_fetcher(names).fetch(site.url("/a.gif", "cats"), tmp_path, max_bytes=100_000)
        assert path.read_bytes() == GIF
        assert names.answers["cats"] == [["10.0.0.7"]]
        assert site.requests[0].host.startswith("cats:")


async def test_a_name_that_leads_elsewhere_the_second_time_is_refused(tmp_path: Path) -> None:
    async with serving({"/a": leads_to("/b"), "/b": gif()}) as site:
        names = Names(cats=[["127.0.0.1"], ["10.0.0.7"]])
        said = await refusal(open_fetcher(names), site.url("/a", "cats"), tmp_path)
        assert [request.path for request in site.requests] == ["/a"]
    assert "public server" in said
    assert "10.0" not in said


async def test_an_address_is_looked_at_again_when_it_is_connected_to(tmp_path: Path) -> None:
    answers = [True, False]  # for the name, then for the socket
    async with serving({"/a.gif": gif()}) as site:
        fetcher = Fetcher(
            resolver=Names(cats=[["127.0.0.1"]]), is_allowed=lambda address: answers.pop(0), ports=()
        )
        assert "public server" in await refusal(fetcher, site.url("/a.gif", "cats"), tmp_path)
        assert site.requests == []
    assert answers == []


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("http://10.0.0.7/secret.gif", "public server"),
        ("http://[::1]/secret.gif", "public server"),
        ("http://localhost:1/", "public server"),
        ("//169.254.169.254/latest/", "public server"),
        ("http://127.1/", "no link"),
        ("file:///etc/passwd", "no link"),
        ("http://me:secret@127.0.0.1/", "password"),
        ("http://nobody.invalid/", "not known"),
    ],
)
async def test_redirects_are_checked_as_links_are(place: str, reason: str, tmp_path: Path) -> None:
    names = Names(localhost=[["127.0.0.2"]])
    async with serving({"/a.gif": leads_to(place)}) as site:
        said = await refusal(open_fetcher(names), site.url("/a.gif"), tmp_path)
    assert reason in said
    assert "10.0" not in said


async def test_five_redirects_are_followed_and_no_more(tmp_path: Path) -> None:
    pages = {f"/{number}": leads_to(f"/{number + 1}", status=307) for number in range(6)}
    async with serving(pages | {"/6": gif()}) as site:
        path = await open_fetcher().fetch(site.url("/1"), tmp_path, max_bytes=100_000)
        path.unlink()
        assert "without an end" in await refusal(open_fetcher(), site.url("/0"), tmp_path)
        assert site.requests[-1].path == "/5"


async def test_a_loop_ends(tmp_path: Path) -> None:
    async with serving({"/a": leads_to("/a")}) as site:
        assert "without an end" in await refusal(open_fetcher(), site.url("/a"), tmp_path)
        assert len(site.requests) == 6


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server called "safe" and of who trusts it."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "safe")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("safe")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


async def test_https_must_prove_itself_and_never_leads_to_http(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path
) -> None:
    server, client = tls
    async with serving({"/plain.gif": gif()}) as plain:
        pages = {"/a.gif": gif(), "/b.gif": leads_to(plain.url("/plain.gif"))}
        async with serving(pages, server) as site:
            good, bad = (site.url(path, "safe", "https") for path in pages)
            names = Names(safe=[["127.0.0.1"]] * 3, other=[["127.0.0.1"]])
            assert "prove" in await refusal(open_fetcher(names), good, tmp_path)
            other = site.url("/a.gif", "other", "https")
            assert "prove" in await refusal(open_fetcher(names, client), other, tmp_path)
            assert "https to http" in await refusal(open_fetcher(names, client), bad, tmp_path)
            path = await open_fetcher(names, client).fetch(good, tmp_path, max_bytes=100_000)
            assert path.read_bytes() == GIF
        assert plain.requests == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (page(b"<html>", content_type="text/html"), "page"),
        (page(b"<html/>", content_type="application/xhtml+xml", charset="utf-8"), "page"),
        (page(b"gone", status=404), "404"),
        (page(b"", status=204), "204"),
        (page(b""), "empty"),
        (page(bytes(2_000_000)), "larger than 100000 bytes"),
        (page(gzip.compress(bytes(9_000_000)), headers={"Content-Encoding": "gzip"}), "packs"),
        (page(GIF, headers={"Content-Encoding": "br"}), "packs"),
        (leads_to("", status=304), "304"),
    ],
)
async def test_answers_that_are_no_file_are_refused(answer: Handler, reason: str, tmp_path: Path) -> None:
    async with serving({"/a.gif": answer}) as site:
        assert reason in await refusal(open_fetcher(), site.url("/a.gif"), tmp_path)


async def test_an_endless_body_is_left_when_it_is_too_large(tmp_path: Path) -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(bytes(65_536))
                sent += 65_536
        return response

    async with serving({"/a.gif": endless}) as site:
        said = await refusal(open_fetcher(), site.url("/a.gif"), tmp_path, max_bytes=2 * 1024 * 1024)
    assert "larger than 2 MiB" in said
    assert sent < 64 * 1024 * 1024  # what buffers on the way hold, and no more


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_slow_server_is_left_after_a_while(has_begun: bool, tmp_path: Path) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if has_begun:
            await response.prepare(request)
            await response.write(b"GIF89a")
        await asyncio.Event().wait()
        return response

    async with serving({"/a.gif": slow}) as site:
        assert "within 0.3 s" in await refusal(open_fetcher(), site.url("/a.gif"), tmp_path, timeout_s=0.3)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nGIF89a", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nGIF89a", "larger"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nGIF89a", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "empty"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\nGIF89a", "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\nGIF89a", "broke off"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\nGIF89a", "broke off"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1/\r\n\r\n", "broke off"),
        (b"GIF89a", "broke off"),
        (b"", "broke off"),
    ],
)
async def test_answers_that_lie_or_break_are_refused(answer: bytes, reason: str, tmp_path: Path) -> None:
    async with raw(answer) as url:
        assert reason in await refusal(open_fetcher(), url, tmp_path)


async def test_a_server_that_is_not_there_is_named_no_address(tmp_path: Path) -> None:
    async with raw(b"") as url:
        pass
    said = await refusal(open_fetcher(), url, tmp_path)
    assert "cannot be reached" in said
    assert "127.0" not in said


async def test_who_gives_up_leaves_no_file(tmp_path: Path) -> None:
    has_begun = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"GIF89a")
        has_begun.set()
        await asyncio.Event().wait()
        return response

    async with serving({"/a.gif": slow}) as site:
        download = asyncio.create_task(
            open_fetcher().fetch(site.url("/a.gif"), tmp_path, max_bytes=100_000, timeout_s=60)
        )
        await has_begun.wait()
        download.cancel()
        with pytest.raises(asyncio.CancelledError):
            await download
    assert list(tmp_path.iterdir()) == []
