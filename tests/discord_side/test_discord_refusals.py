"""Requests that Discord would refuse, sent to the stand-in as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.discord_side import contract
from tests.discord_side.messages import Upload
from tests.discord_side.server import DiscordSide

needs_description = pytest.mark.skipif(contract.why_absent() is not None, reason=str(contract.why_absent()))
GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def side() -> AsyncIterator[DiscordSide]:
    async with DiscordSide() as side:
        side.api.checks_answers = True
        yield side
    assert not side.violations, "\n".join(map(str, side.violations))


@pytest.fixture
async def http(side: DiscordSide) -> AsyncIterator[aiohttp.ClientSession]:
    authorization = {"Authorization": f"Bot {side.token}"}
    async with aiohttp.ClientSession(headers=authorization) as session:
        yield session


async def post(
    side: DiscordSide, http: aiohttp.ClientSession, path: str, body: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    async with http.post(side.api_url + path, json=body) as response:
        return response.status, await response.json()


QUIET: dict[str, Any] = {"allowed_mentions": {"parse": []}}


def button(custom_id: str) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "Send", "custom_id": custom_id}


def row(*buttons: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": 1, "components": list(buttons)}]


@needs_description
@pytest.mark.parametrize(
    ("body", "rule", "where"),
    [
        ({"content": 3}, "schema", ["content"]),
        ({"content": "x", "components": row(button("c" * 101))}, "schema", ["components", "0"]),
        ({"content": "x", "components": row(button("a"), button("a"))}, "custom_ids", ["components"]),
        ({"content": "x" * 2001}, "content_length", ["content"]),
        ({"content": "x", "flags": 1 << 15, "components": row(button("a"))}, "components_v2", ["content"]),
        ({"components": [{"type": 10, "content": "x"}]}, "components_v2", ["components"]),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"]}},
            "allowed_mentions",
            ["allowed_mentions"],
        ),
        (
            {"flags": 1 << 15, "components": [{"type": 13, "file": {"url": "attachment://no.gif"}}]},
            "attachments_exist",
            ["components"],
        ),
        ({}, "empty_message", []),
    ],
)
async def test_a_wrong_message_is_refused_and_kept(
    side: DiscordSide, http: aiohttp.ClientSession, body: dict[str, Any], rule: str, where: list[str]
) -> None:
    status, answer = await post(side, http, f"/channels/{side.channel.id}/messages", QUIET | body)
    assert status == 400
    errors = answer.get("errors", {})
    for part in where:
        errors = errors[part]
    assert side.take_violations() == [rule]
    assert side.messages() == []


@needs_description
async def test_undeclared_paths_and_parameters_and_missing_tokens_are_refused(
    side: DiscordSide, http: aiohttp.ClientSession
) -> None:
    status, _ = await post(side, http, "/channels/1/gifs", {})
    assert status == 404
    async with http.get(f"{side.api_url}/channels/{side.channel.id}/messages?limit=101") as response:
        assert response.status == 400
    async with http.get(f"{side.api_url}/users/@me", headers={"Authorization": "Bot other"}) as response:
        assert response.status == 401
    assert side.take_violations() == ["declared_path", "schema", "authorization"]


async def test_an_interaction_is_acknowledged_once_and_in_time(http: aiohttp.ClientSession) -> None:
    clock = Clock()
    async with DiscordSide(clock=clock) as side:
        side.state.commands.put([{"name": "react", "description": "React"}])
        first, second = [await side.slash(side.people["ann"], "react") for _ in range(2)]
        deferred = {"type": 5}
        clock.now = 1.0
        callback = f"/interactions/{first.id}/{first.token}/callback?with_response=true"
        status, answer = await post(side, http, callback, deferred)
        assert (status, answer["interaction"]["response_message_loading"]) == (200, True)
        assert (await first.acknowledged()).seconds == 1.0
        status, answer = await post(side, http, callback, deferred)
        assert (status, answer["code"]) == (400, 40060)
        clock.now = 3.1
        callback = f"/interactions/{second.id}/{second.token}/callback"
        status, answer = await post(side, http, callback, deferred)
        assert (status, answer["code"]) == (404, 10062)
        webhook = f"/webhooks/{side.world.application_id}"
        status, answer = await post(side, http, f"{webhook}/{second.token}", QUIET | {"content": "x"})
        assert (status, answer["code"]) == (404, 10015)
        clock.now = 901.0
        status, answer = await post(side, http, f"{webhook}/{first.token}", QUIET | {"content": "x"})
        assert (status, answer["code"]) == (401, 50027)
        assert side.take_violations() == [
            "acknowledged_once",
            "acknowledged_in_time",
            "token_known",
            "token_alive",
        ]


async def test_the_first_follow_up_takes_the_place_of_a_deferred_response(
    side: DiscordSide, http: aiohttp.ClientSession
) -> None:
    side.state.commands.put([{"name": "react", "description": "React"}])
    handle = await side.slash(side.people["ann"], "react")
    path = f"/interactions/{handle.id}/{handle.token}/callback?with_response=1"
    await post(side, http, path, {"type": 5, "data": {"flags": 64}})
    webhook = f"/webhooks/{side.world.application_id}/{handle.token}?wait=true"
    for text in ("one", "two"):
        await post(side, http, webhook, QUIET | {"content": text})
    assert [(each.content, each.is_ephemeral) for each in handle.followups] == [("one", True), ("two", False)]
    assert await handle.reply() is handle.followups[0]


async def test_files_are_matched_with_their_entries(side: DiscordSide, http: aiohttp.ClientSession) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", '{"attachments": [{"id": 1}], "allowed_mentions": {"parse": []}}')
    form.add_field("files[0]", GIF, filename="a.gif")
    async with http.post(f"{side.api_url}/channels/{side.channel.id}/messages", data=form) as response:
        assert response.status == 400
    assert side.take_violations() == ["attachment_entries"]
    message = await side.say(side.people["ann"], "look", files=[Upload("b.gif", GIF)])
    async with http.get(message.attachments[0].url) as response:
        assert await response.read() == GIF
