"""Who has no token, comes from another site, or sends what is not asked for, gets nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request

from bot.web._guard import path_of
from tests.bot.web_stage import BEARER, TOKEN, WebStage, draw_pattern, web_stage

MEGABYTE = 1_000_000
pytestmark = pytest.mark.asyncio(loop_scope="module")
SECRET = "a secret between us"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WebStage]:
    """Serve one page to all tests that leave no traces."""
    async with web_stage(
        tiny_bundle, tiny_pack, tmp_path_factory.mktemp("shared"), max_bytes=MEGABYTE
    ) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> AsyncIterator[WebStage]:
    async with web_stage(tiny_bundle, tiny_pack, tmp_path, max_bytes=MEGABYTE) as opened:
        yield opened


async def status(stage: WebStage, method: str, path: str, **options: Any) -> tuple[int, str]:
    async with stage.http.request(method, stage.url + path, allow_redirects=False, **options) as answer:
        body = await answer.text(errors="replace")
        code = json.loads(body)["error"]["code"] if '"error"' in body[:10] else ""
        return answer.status, code


async def raw(stage: WebStage, request: str) -> bytes:
    """Send what no client would send; the answer must end the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2]))
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


async def test_without_the_token_only_the_door_is_there(shared: WebStage) -> None:
    gif = (await shared.ask("GET", "/api/gifs?limit=1"))["gifs"][0]
    for path in ("/api/gifs", "/api/packs", "/api/session", "/api/openapi.json", gif["url"], gif["still"]):
        assert await status(shared, "GET", path) == (401, "login")
    for path in ("/", "/api"):
        assert await status(shared, "GET", path) == (303, "")
    assert await status(shared, "POST", "/api/react", json={"text": "hello"}) == (401, "login")
    assert await status(shared, "GET", "/nothing") == (401, "login")
    for path in ("/login", "/static/page.css", "/healthz"):
        assert await status(shared, "GET", path) == (200, "")
    assert await status(shared, "GET", "/static/nothing.js") == (404, "not_found")


@pytest.mark.parametrize("given", ["Bearer wrong", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN])
async def test_a_wrong_token_is_none(shared: WebStage, given: str) -> None:
    assert await status(shared, "GET", "/api/gifs", headers={"Authorization": given}) == (401, "token")


async def test_guessing_ends_with_a_pause(stage: WebStage) -> None:
    wrong = {"data": {"token": "guess"}, "headers": {"Origin": stage.url}}
    answers = [(await status(stage, "POST", "/login", **wrong))[0] for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert (await status(stage, "GET", "/api/gifs", headers=BEARER)) == (429, "attempts")


async def test_a_session_is_strict_hidden_and_ends(stage: WebStage) -> None:
    form: dict[str, Any] = {
        "data": {"token": TOKEN},
        "headers": {"Origin": stage.url},
        "allow_redirects": False,
    }
    async with stage.http.post(f"{stage.url}/login", **form) as answer:
        cookie = answer.headers["Set-Cookie"]
    assert {"httponly", "samesite=strict", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "secure" not in cookie.lower()
    form["headers"]["X-Forwarded-Proto"] = "https"  # as a proxy on this host says
    async with stage.http.post(f"{stage.url}/login", **form) as answer:
        assert "secure" in answer.headers["Set-Cookie"].lower()
    session = await stage.log_in()
    assert await status(stage, "GET", "/", headers=session) == (200, "")
    assert await status(stage, "POST", "/logout", headers=session) == (204, "")
    assert await status(stage, "GET", "/api/gifs", headers=session) == (401, "login")


async def test_a_change_by_cookie_comes_from_a_page_of_that_session(shared: WebStage) -> None:
    mine, other = await shared.log_in(), await shared.log_in()
    react: dict[str, Any] = {"json": {"text": "hello"}}
    assert await status(shared, "POST", "/api/react", headers=mine, **react) == (200, "")

    def without(name: str, **changed: str) -> dict[str, str]:
        return {key: value for key, value in mine.items() if key != name} | changed

    refused = [
        (without("X-CSRF-Token"), "csrf"),
        (without("", **{"X-CSRF-Token": other["X-CSRF-Token"]}), "csrf"),
        (without("", Origin="http://evil.example"), "origin"),
        (without("", Origin="null"), "origin"),
        (without("", Origin=shared.url.replace("127.0.0.1", "localhost")), "origin"),
        (without("", **{"Sec-Fetch-Site": "cross-site"}), "origin"),
        (without("", **{"Sec-Fetch-Site": "same-site"}), "origin"),
        (without("Sec-Fetch-Site", Origin="https://evil.example"), "origin"),
        ({name: mine[name] for name in ("Cookie", "X-CSRF-Token")}, "origin"),
    ]
    for headers, code in refused:
        for method, path in (("POST", "/api/react"), ("DELETE", "/api/gifs/shared/x"), ("POST", "/logout")):
            assert await status(shared, method, path, headers=headers, **react) == (403, code), headers
    assert await status(shared, "POST", "/api/react", headers=without("Sec-Fetch-Site"), **react) == (200, "")


async def test_another_site_cannot_log_somebody_in(shared: WebStage) -> None:
    form = {"token": TOKEN}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert await status(shared, "POST", "/login", data=form, headers=headers) == (403, "origin")


async def test_names_of_others_do_not_lead_here(shared: WebStage) -> None:
    for path in ("/", "/login", "/api/gifs", "/static/page.css"):
        for host in ("evil.example", "127.0.0.1.evil.example", "192.168.0.9"):
            assert await status(shared, "GET", path, headers=BEARER | {"Host": host}) == (421, "host")
    assert await status(shared, "GET", "/login", headers={"Host": "gifs.example"}) == (200, "")


async def test_a_host_with_a_path_opens_no_door(shared: WebStage) -> None:
    for host in ("127.0.0.1/static/x?", "127.0.0.1/healthz?", "x/healthz?"):
        answer = await raw(shared, f"GET /api/packs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        assert b" 401 " in answer[:20] or b" 421 " in answer[:20], host
    made_up = Request({"type": "http", "path": "/api/packs", "headers": [(b"host", b"a/static/x?")]})
    assert path_of(made_up) == "/api/packs"  # its address says otherwise in older Starlettes


async def test_every_answer_confines_the_page(shared: WebStage) -> None:
    gif = (await shared.ask("GET", "/api/gifs?limit=1"))["gifs"][0]
    for path in ("/", "/login", "/api", "/api/gifs", gif["url"], "/nothing", "/static/app.js"):
        async with shared.http.get(shared.url + path, headers=BEARER) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "unsafe" not in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert "Access-Control-Allow-Origin" not in answer.headers
    async with shared.http.get(shared.url + gif["url"], headers=BEARER) as answer:
        assert answer.content_type == "image/gif"
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/gifs/..%2f..%2fmanifest.jsonl",
        "/gifs/%2e%2e/%2e%2e/etc/passwd",
        "/gifs/hug.gif",
        "/gifs/gifs%2Fhug.gif",
        "/static/..%2f..%2fpages%2findex.html",
        "/static/../pages/index.html",
        "/api/gifs/..%2f/x",
        "/api/packs/shared/..%2f..%2fetc/zip",
    ],
)
async def test_no_path_leads_out(shared: WebStage, path: str) -> None:
    answer = await raw(
        shared,
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"<html" not in answer


async def test_an_endless_upload_is_stopped_early(shared: WebStage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared.url.rpartition(":")[2]))
    head = (
        "POST /api/gifs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\nGIF89a'
    writer.write(head.encode() + _chunk(part))
    answered, sent = asyncio.ensure_future(reader.readline()), 0
    while not answered.done() and sent < 100 * MEGABYTE:
        try:
            writer.write(_chunk(b"x" * 65_536))
            await writer.drain()
        except ConnectionError:
            break
        sent += 65_536
        await asyncio.sleep(0)
    assert b" 413 " in await asyncio.wait_for(answered, 10)
    assert sent < 20 * MEGABYTE  # what lies in the buffers of both ends comes on top of the limit
    writer.close()


async def test_an_announced_size_is_enough_to_refuse(shared: WebStage) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(shared.url.rpartition(":")[2]))
    writer.write(
        b"POST /api/gifs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        + f"Authorization: Bearer {TOKEN}\r\n".encode()
        + b"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000000\r\n\r\n"
    )
    assert b" 413 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


async def test_a_file_just_above_the_limit_is_refused(shared: WebStage, tmp_path: Path) -> None:
    path = draw_pattern(tmp_path / "large.gif")
    path.write_bytes(path.read_bytes().ljust(MEGABYTE + 1, b"\0"))
    assert (await shared.add(path, 413))["error"]["code"] == "too_large"


async def test_nothing_of_a_message_is_logged(
    shared: WebStage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await shared.ask("POST", "/api/react", json={"text": SECRET})
    await shared.ask("POST", "/api/react", 422, json={"text": SECRET, "k": 0})
    await shared.ask("GET", f"/api/gifs?text={SECRET}")
    written = capfd.readouterr()
    assert SECRET not in caplog.text + written.out + written.err
    assert SECRET.replace(" ", "%20") not in caplog.text + written.out + written.err


async def test_a_fault_of_ours_is_told_without_its_text(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with web_stage(tiny_bundle, tiny_pack, tmp_path) as stage:
        (tmp_path / "bot.sqlite").unlink()
        await stage.memories["discord"].vote("7", "0" * 64, 1.0)
        await stage.memories["discord"]._store.put_field("discord:votes:7", "broken-counter", b"1")
        failed = await stage.ask("GET", "/api/feedback", 500)
    assert failed["error"]["code"] == "broken"
    written = capfd.readouterr()
    assert "Error at feedback.py" in written.out + written.err
    assert "Traceback" not in written.out + written.err
    assert "broken-counter" not in written.out + written.err


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
