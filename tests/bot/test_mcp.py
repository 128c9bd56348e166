"""`repartee mcp` as an assistant meets it: through the client of the mcp package."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, ImageContent, TextContent

from bot.cli._service import followed, open_local
from bot.cli._settings import Settings
from bot.library import Library
from bot.mcp import make_server
from inference.ingest import Ingestor
from tests import tiny
from tests.bot.drawing import draw
from tests.bot.processes import command, copied_catalogue, is_one_sentence, run, tiny_environment

GUILD = "discord:1234"
READING = {"react", "find_gifs", "list_packs"}
WRITING = {"add_gif", "edit_gif", "remove_gif"}


class Place:
    """Packs of which a test makes servers, as many as it likes."""

    def __init__(self, bundle: Path, pack: Path, data: Path) -> None:
        self.settings = Settings(bundle, (pack,), data, bench=data, threads=1)
        ingestor = Ingestor(self.settings.catalogue, bundle, processes=1)
        self.library = Library(self.settings.catalogue, ingestor, [pack])

    @contextlib.asynccontextmanager
    async def client(self, scope: str = "", *, is_read_only: bool = False) -> AsyncIterator[Client]:
        async with open_local(self.settings) as service:
            server = make_server(service, self.library, scope=scope, is_read_only=is_read_only)
            with followed(self.settings, service):
                async with Client(server) as client:
                    yield client


@pytest.fixture
async def place(tiny_bundle: Path, tiny_pack: Path, warm_data: Path, tmp_path: Path) -> AsyncIterator[Place]:
    data = tmp_path / "data"
    data.mkdir()
    copied_catalogue(warm_data, data)
    opened = Place(tiny_bundle, tiny_pack, data)
    yield opened
    await opened.library.close()


async def ask(client: Client, tool: str, **arguments: Any) -> Any:
    result = await call(client, tool, **arguments)
    assert not result.is_error, result.content
    assert isinstance(result.content[0], TextContent)
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


async def complaint(client: Client, tool: str, **arguments: Any) -> str:
    result = await call(client, tool, **arguments)
    assert result.is_error
    assert result.structured_content is None
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


async def test_tools_say_what_they_are_for_and_what_they_answer(place: Place) -> None:
    async with place.client() as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == READING | WRITING
    for name, tool in tools.items():
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint == (name in READING)
        assert tool.output_schema is not None
        assert all("description" in field for field in tool.input_schema["properties"].values()), name
    assert tools["react"].input_schema["required"] == ["message"]


async def test_a_message_is_answered_with_ranked_gifs(place: Place) -> None:
    async with place.client() as client:
        answer = await ask(client, "react", message="so funny haha", k=2)
    assert answer["gifs"][0]["categories"][0] == "laugh"
    assert len(answer["gifs"]) == 2
    assert not answer["is_grave"]
    best = answer["gifs"][0]
    assert 0 < best["confidence"] <= 1
    assert Path(best["file"]).is_file()
    assert best["alt_text"].startswith("A block moves")
    assert best["why"]


async def test_a_mood_narrows_the_answer_down(place: Place) -> None:
    async with place.client() as client:
        answer = await ask(client, "react", message="so funny", mood="Mic Drop")
        assert [gif["categories"][0] for gif in answer["gifs"]] == ["mic_drop"]
        said = await complaint(client, "react", message="so funny", mood="hearst")
    assert said == 'There is no category "hearst": did you mean hearts?'


async def test_a_grave_message_gets_gentle_gifs_and_a_warning(place: Place) -> None:
    async with place.client() as client:
        answer = await ask(client, "react", message="he died", k=10)
    assert answer["is_grave"]
    assert {gif["categories"][0] for gif in answer["gifs"]} <= {"hug", "hearts", "sorry"}
    assert "better send nothing" in answer["notes"][0]


async def test_the_picture_comes_along_where_it_is_wanted(place: Place) -> None:
    async with place.client() as client:
        result = await call(client, "react", message="boom", with_picture=True)
    assert result.structured_content is not None
    text, picture = result.content
    assert isinstance(text, TextContent)
    assert isinstance(picture, ImageContent)
    assert picture.mime_type == "image/gif"
    file = Path(result.structured_content["gifs"][0]["file"])
    assert base64.b64decode(picture.data) == file.read_bytes()


async def test_gifs_and_packs_are_found_by_words(place: Place) -> None:
    async with place.client() as client:
        found = await ask(client, "find_gifs", text="Hug TEARS")
        assert [gif["name"] for gif in found["gifs"]] == ["hug and tears"]
        assert not found["gifs"][0]["is_own"]
        everything = await ask(client, "find_gifs", limit=5)
        assert (len(everything["gifs"]), everything["total"]) == (5, len(tiny.GIFS))
        packs = (await ask(client, "list_packs"))["packs"]
    assert packs == [{"name": "tiny", "gifs": len(tiny.GIFS), "is_own": False, "is_shared": True}]


async def test_a_gif_is_added_found_edited_and_removed(place: Place, tmp_path: Path) -> None:
    path = draw(tmp_path / "sobbing.gif", 1)
    async with place.client() as client:
        added = await ask(
            client, "add_gif", path_or_url=str(path), tags=["tears", "sad"], categories=["cry"], pack="ours"
        )
        gif = added["gif"]
        assert (gif["name"], gif["pack"], gif["is_own"]) == ("sobbing", "ours", True)
        assert [stage["stage"] for stage in added["stages"]][-1] == "store"
        found = await ask(client, "find_gifs", text="tears", pack="ours")
        assert [one["id"] for one in found["gifs"]] == [gif["id"]]
        async with asyncio.timeout(20):
            while gif["id"] not in await ranked(client, "tears"):
                await asyncio.sleep(0.05)
        edited = await ask(client, "edit_gif", gif="sobbing", name="Weeping", rating="pg")
        assert (edited["gif"]["name"], edited["gif"]["rating"]) == ("Weeping", "pg")
        assert edited["gif"]["tags"] == ["tears", "sad"]
        removed = await ask(client, "remove_gif", gif=gif["id"][:8])
        assert removed["gif"]["name"] == "Weeping"
        assert (await ask(client, "find_gifs", pack="ours"))["total"] == 0


async def ranked(client: Client, message: str) -> list[str]:
    return [gif["id"] for gif in (await ask(client, "react", message=message, k=50))["gifs"]]


async def test_a_server_of_one_scope_keeps_its_gifs_to_itself(place: Place, tmp_path: Path) -> None:
    path = str(draw(tmp_path / "inside.gif", 1))
    async with place.client(GUILD) as ours, place.client("discord:9") as theirs:
        added = await ask(ours, "add_gif", path_or_url=path, tags=["tears"])
        assert not added["gif"]["is_shared"]
        assert (await ask(ours, "find_gifs", text="inside"))["total"] == 1
        assert (await ask(theirs, "find_gifs", text="inside"))["total"] == 0
        assert "own" in [pack["name"] for pack in (await ask(ours, "list_packs"))["packs"]]
        assert "own" not in [pack["name"] for pack in (await ask(theirs, "list_packs"))["packs"]]
        assert "inside" in await complaint(theirs, "remove_gif", gif="inside")
        async with asyncio.timeout(20):
            while added["gif"]["id"] not in await ranked(ours, "tears"):
                await asyncio.sleep(0.05)
        assert added["gif"]["id"] not in await ranked(theirs, "tears")


async def test_refusals_are_readable(place: Place, tmp_path: Path) -> None:
    words = tmp_path / "words.gif"
    words.write_text("I am no GIF")
    async with place.client() as client:
        said = [
            await complaint(client, "add_gif", path_or_url=str(words)),
            await complaint(client, "add_gif", path_or_url=str(tmp_path / "nowhere.gif")),
            await complaint(client, "add_gif", path_or_url="data:image/gif;base64," + "A" * 5_000),
            await complaint(client, "add_gif", path_or_url="~nobody-of-this-name/a.gif"),
            await complaint(client, "add_gif", path_or_url="http://127.0.0.1/a.gif"),
            await complaint(client, "edit_gif", gif="nobody", name="x"),
            await complaint(client, "edit_gif", gif="nobody"),
            await complaint(client, "edit_gif", gif="nobody", categories=[]),
            await complaint(client, "edit_gif", gif="nobody", name=" "),
            await complaint(client, "remove_gif", gif="nobody"),
            await complaint(client, "react", message=" "),
        ]
        assert all(text.endswith((".", "?")) and "Error" not in text for text in said), said
        assert "public server" in said[4]
        for pack in ("..", "../up", " ", "a\x1b[2J"):
            for tool in ("add_gif", "edit_gif"):
                wanted = {"path_or_url": str(words)} if tool == "add_gif" else {"gif": "nobody"}
                said = [await complaint(client, tool, pack=pack, **wanted)]
                assert said[0].startswith(f'"{pack}" is no name for a pack: ')
        assert "60" in await complaint(client, "add_gif", path_or_url=str(words), tags=["x" * 61])
        assert "k" in await complaint(client, "react", message="hello", k=0)


async def test_a_read_only_server_has_no_tool_that_writes(place: Place) -> None:
    async with place.client(is_read_only=True) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING
        assert "add_gif" in await complaint(client, "add_gif", path_or_url="x")


@pytest.fixture
def environment(tiny_bundle: Path, tiny_pack: Path, warm_data: Path, tmp_path: Path) -> dict[str, str]:
    data = tmp_path / "served"
    data.mkdir()
    return tiny_environment(tiny_bundle, tiny_pack, copied_catalogue(warm_data, data))


async def test_the_process_speaks_nothing_but_the_protocol(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = draw(tmp_path / "party.gif", 1)
    program, *arguments = command("mcp")
    server = StdioServerParameters(command=program, args=arguments, env=environment)
    async with asyncio.timeout(60), Client(server) as client:
        answer = await ask(client, "react", message="boom")
        assert answer["gifs"][0]["categories"] == ["mic_drop"]
        added = await ask(client, "add_gif", path_or_url=str(path), tags=["party"])
        assert (await ask(client, "find_gifs", text="party", pack="own"))["gifs"] == [added["gif"]]


async def test_no_message_is_logged_and_hanging_up_ends_the_process(environment: dict[str, str]) -> None:
    request = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "react", "arguments": {"message": "xylophone funny"}},
    }
    bad = {**request, "id": 3, "params": {"name": "react", "arguments": {"message": "xylophone", "k": -1}}}
    ended = await asyncio.to_thread(converse, environment, request, bad)
    answers = {answer["id"]: answer for answer in map(json.loads, ended.stdout.splitlines())}
    assert answers[2]["result"]["structuredContent"]["gifs"]
    assert answers[3]["result"]["isError"]
    assert ended.returncode == 0
    assert "xylophone" not in ended.stderr
    log = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["tool"] for line in log if line["event"] == "tool"] == ["react"]
    assert log[-1]["event"] == "stopped"


def converse(environment: dict[str, str], *requests: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Talk to a server line by line: the second request is made when the first is answered."""
    hello: dict[str, Any] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    ready: dict[str, Any] = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    process = subprocess.Popen(
        command("mcp"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    answers = []
    for message in (hello, ready, *requests):
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        if "id" in message:
            answers.append(process.stdout.readline())
    rest, errors = process.communicate(timeout=30)
    return subprocess.CompletedProcess(command("mcp"), process.returncode, "".join(answers) + rest, errors)


async def test_a_signal_ends_the_process(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *command("mcp"),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while json.loads(await process.stderr.readline())["event"] != "serving":
            pass
        os.kill(process.pid, signal.SIGTERM)
        out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"")


async def test_start_up_failures_are_one_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    assert is_one_sentence(await run(environment, "mcp", "--scope", "guild"), "discord:GUILD")
    broken = environment | {"REPARTEE_BUNDLE": str(tmp_path / "none")}
    assert is_one_sentence(await run(broken, "mcp"), "No model bundle in")


def test_without_the_package_it_says_how_to_get_it(environment: dict[str, str]) -> None:
    code = "import sys; sys.modules['mcp'] = None; from bot.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "mcp"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert is_one_sentence(ended, "pip install '.[mcp]'")
    assert ended.stdout == ""
