"""The interface over real HTTP, against its own description."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema
import pytest
import pytest_asyncio
from PIL import Image

from bot.web.messages import RULES
from tests.bot.web_stage import BEARER, WebStage, check, described, draw_pattern, web_stage
from tests.tiny import GIFS

MEGABYTE = 1_000_000
pytestmark = pytest.mark.asyncio(loop_scope="module")


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


@pytest.fixture
def cat(tmp_path: Path) -> Path:
    return draw_pattern(tmp_path / "grumpy-cat.gif")


async def test_a_message_gets_ranked_gifs(shared: WebStage) -> None:
    body = {"text": "I miss you", "k": 3}
    answer = check(await described(shared), "ReactAnswer", await shared.ask("POST", "/api/react", json=body))
    assert answer["reactions"][0]["gif"]["categories"][0] == "hug"
    assert len(answer["reactions"]) == 3
    assert (answer["is_held"], answer["gentle"], answer["model"]) == (False, [], "tiny 1")
    best = answer["reactions"][0]
    assert 0 < best["confidence"] <= 1
    assert best["gif"]["scope"] == "shipped"
    gif = await shared.ask("GET", best["gif"]["url"])
    assert gif.startswith(b"GIF89a")
    still = Image.open(io.BytesIO(await shared.ask("GET", best["gif"]["still"])))
    assert (still.format, getattr(still, "n_frames", 1)) == ("PNG", 1)


async def test_a_grave_message_gets_gentle_ones_beside(shared: WebStage) -> None:
    answer = await shared.ask("POST", "/api/react", json={"text": "he died", "k": 4})
    assert answer["is_held"]
    assert answer["hold"] > answer["hold_threshold"]
    assert len(answer["reactions"]) == 4
    assert {entry["gif"]["categories"][0] for entry in answer["gentle"]} <= {"hug", "hearts", "sorry"}
    assert answer["gentle"]


async def test_a_mood_is_kept_to(shared: WebStage) -> None:
    answer = await shared.ask("POST", "/api/react", json={"text": "I miss you", "k": 2, "mood": "laugh"})
    assert {entry["gif"]["categories"][0] for entry in answer["reactions"]} == {"laugh"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"text": ""}, 422, "body"),
        ({"text": "hello", "k": 0}, 422, "body"),
        ({"text": "hello", "k": 49}, 422, "body"),
        ({"text": "hello", "mood": "wistful"}, 422, "category"),
        ({"text": "hello", "scope": "../etc"}, 422, "body"),
        ({"text": "hello", "colour": "blue"}, 422, "body"),
        ({"text": "hello" * 60_000}, 413, "too_large"),
        ({"text": " \u200b "}, 422, "message"),
    ],
)
async def test_what_cannot_be_answered_is_explained(
    shared: WebStage, body: dict[str, Any], status: int, code: str
) -> None:
    failed = await shared.ask("POST", "/api/react", status, json=body)
    check(await described(shared), "Failure", failed)
    assert failed["error"]["code"] == code
    assert "hellohello" not in failed["error"]["text"]


async def test_only_json_is_read_as_json(shared: WebStage) -> None:
    assert (await shared.ask("POST", "/api/react", 415, data="text=hello"))["error"]["code"] == "content_type"
    broken = {"data": b"\xff{", "headers": {"Content-Type": "application/json"}}
    assert (await shared.ask("POST", "/api/react", 422, **broken))["error"]["code"] == "body"


async def test_gifs_are_found_by_words_a_page_at_a_time(shared: WebStage) -> None:
    description = await described(shared)
    everything = check(description, "GifsAnswer", await shared.ask("GET", "/api/gifs?limit=5"))
    assert (everything["total"], len(everything["gifs"]), everything["next_offset"]) == (len(GIFS), 5, 5)
    rest = await shared.ask("GET", "/api/gifs?offset=5&limit=200")
    assert len(rest["gifs"]) == len(GIFS) - 5
    assert rest["next_offset"] is None
    found = await shared.ask("GET", "/api/gifs?text=PARTY%20laugh")
    assert [gif["name"] for gif in found["gifs"]] == ["laugh and party"]
    dancing = await shared.ask("GET", "/api/gifs?category=dance&scope=shipped&pack=tiny")
    assert {gif["name"] for gif in dancing["gifs"]} == {"dance", "laugh and party"}
    assert (await shared.ask("GET", "/api/gifs?scope=shared"))["total"] == 0
    assert (await shared.ask("GET", "/api/gifs?offset=-1", 400))["error"]["code"] == "number"
    assert (await shared.ask("GET", "/api/gifs?limit=201", 400))["error"]["code"] == "number"


async def test_shipped_gifs_stay_as_they_are(shared: WebStage) -> None:
    gif = (await shared.ask("GET", "/api/gifs?limit=1"))["gifs"][0]
    place = f"/api/gifs/shipped/{gif['id']}"
    assert check(await described(shared), "GifView", await shared.ask("GET", place)) == gif
    assert (await shared.ask("PATCH", place, 403, json={"name": "x"}))["error"]["code"] == "read_only"
    assert (await shared.ask("DELETE", place, 403))["error"]["code"] == "read_only"
    assert (await shared.ask("GET", "/api/packs/shipped/tiny/zip", 403))["error"]["code"] == "read_only"
    assert await shared.ask("GET", place) == gif


async def test_an_added_gif_is_there_changed_found_taken_home_and_removed(stage: WebStage, cat: Path) -> None:
    description = await described(stage)
    added = check(
        description,
        "Added",
        await stage.add(cat, tags="grumpy, cat", categories="dance, cry", pack="cats", scope="discord:7"),
    )
    assert added["gif"] | {"tags": ["grumpy", "cat"], "pack": "cats", "scope": "discord:7"} == added["gif"]
    assert added["gif"]["categories"] == ["dance", "cry"]
    assert [stage["stage"] for stage in added["stages"]][-1] == "store"
    place = f"/api/gifs/discord:7/{added['gif']['id']}"
    assert (await stage.ask("GET", added["gif"]["url"])).startswith(b"GIF89a")
    packs = check(description, "PacksAnswer", await stage.ask("GET", "/api/packs"))
    assert [(pack["scope"], pack["name"], pack["gifs"]) for pack in packs["packs"]] == [
        ("discord:7", "cats", 1),
        ("shipped", "tiny", len(GIFS)),
    ]
    assert packs["scopes"] == ["discord:7"]

    change = {"tags": ["sulking"], "name": "Sulking cat", "alt_text": "A cat sulks."}
    changed = check(description, "GifView", await stage.ask("PATCH", place, json=change))
    assert changed == added["gif"] | change
    found = await stage.ask("GET", "/api/gifs?text=sulking")
    assert [gif["name"] for gif in found["gifs"]] == ["Sulking cat"]
    assert (await stage.ask("GET", "/api/gifs?text=grumpy"))["total"] == 0

    home = zipfile.ZipFile(io.BytesIO(await stage.ask("GET", "/api/packs/discord:7/cats/zip")))
    manifest = json.loads(home.read("cats/manifest.jsonl"))
    assert (manifest["name"], manifest["tags"]) == ("Sulking cat", ["sulking"])
    assert home.read(f"cats/{manifest['file']}") == await stage.ask("GET", added["gif"]["url"])

    assert await stage.ask("DELETE", place) == changed
    for gone in (place, added["gif"]["url"], added["gif"]["still"], "/api/packs/discord:7/cats/zip"):
        assert (await stage.ask("GET", gone, 404))["error"]["code"].startswith("unknown")
    assert (await stage.ask("DELETE", place, 404))["error"]["code"] == "unknown_gif"


async def test_what_is_wrong_with_a_change_is_explained(stage: WebStage, cat: Path) -> None:
    gif = (await stage.add(cat, categories="dance"))["gif"]
    place = f"/api/gifs/shared/{gif['id']}"
    wrong: list[dict[str, Any]] = [
        {"categories": []},
        {"categories": ["no", "yes", "ok", "win"]},
        {"categories": ["wistful"]},
        {"name": " "},
        {"alt_text": "x" * 1001},
        {"rating": "x"},
        {"pack": "../up"},
        {"scope": "discord:1"},
    ]
    for change in wrong:
        await stage.ask("PATCH", place, 422, json=change)
    assert await stage.ask("GET", place) == gif
    assert (await stage.ask("PATCH", f"/api/gifs/discord:1/{gif['id']}", 404, json={"name": "x"}))["error"]


async def test_the_stages_are_told_as_they_end(stage: WebStage, cat: Path) -> None:
    description = await described(stage)
    form = aiohttp.FormData({"categories": "dance"})
    form.add_field("file", cat.read_bytes(), filename="cat.gif")
    lines = await stage.ask("POST", "/api/gifs", data=form, headers={"Accept": "application/x-ndjson"})
    events = [json.loads(line) for line in lines.splitlines()]
    kinds = {"stage": "StageEvent", "added": "AddedEvent"}
    for event in events:
        check(description, kinds[event["event"]], event)
    assert [event["event"] for event in events] == ["stage"] * (len(events) - 1) + ["added"]
    told = [event["stage"] for event in events[:-1]]
    assert told == [name for name in (await stage.ask("GET", "/api/session"))["stages"] if name in told]
    assert {"decode", "encode", "vector", "store"} <= set(told)


async def test_a_refusal_says_why(stage: WebStage, cat: Path, tiny_pack: Path, tmp_path: Path) -> None:
    description = await described(stage)
    await stage.add(cat)
    twice = check(description, "Failure", await stage.add(cat, 409))
    assert twice["error"]["code"] == "duplicate"
    assert (await stage.add(tiny_pack / "gifs" / "hug.gif", 409))["error"]["code"] == "duplicate"
    page = tmp_path / "page.gif"
    page.write_bytes(b"GIF89a<html><script>alert(1)</script>")
    assert (await stage.add(page, 422))["error"]["code"] == "unreadable"
    page.write_bytes(b"<!doctype html><script>alert(1)</script>")
    assert (await stage.add(page, 415))["error"]["code"] == "unsupported"
    form = aiohttp.FormData()
    form.add_field("file", page.read_bytes(), filename="cat.gif")
    lines = await stage.ask("POST", "/api/gifs", data=form, headers={"Accept": "application/x-ndjson"})
    last = check(description, "RefusedEvent", json.loads(lines.splitlines()[-1]))
    assert last["error"]["code"] == "unsupported"
    assert (await stage.ask("GET", "/api/gifs?scope=shared"))["total"] == 1


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"scope": "everybody"}, "form"),
        ({"scope": "shipped"}, "form"),
        ({"pack": "a/b"}, "form"),
        ({"categories": "wistful"}, "category"),
        ({"categories": "no,yes,ok,win"}, "form"),
        ({"colour": "blue"}, "form"),
    ],
)
async def test_what_is_wrong_with_a_form_is_explained(
    shared: WebStage, cat: Path, said: dict[str, str], code: str
) -> None:
    assert (await shared.add(cat, 422, **said))["error"]["code"] == code


@pytest.mark.parametrize(
    "said",
    [
        {"scope": "discord:1\n"},
        {"scope": "matrix:1"},
        {"scope": "discord:a b"},
        {"pack": "own\n"},
        {"pack": ".."},
        {"pack": "a/b"},
        {"pack": " own"},
        {"pack": "a\x9b2J"},
    ],
)
async def test_nothing_goes_where_nobody_would_find_it(
    shared: WebStage, cat: Path, said: dict[str, str]
) -> None:
    error = (await shared.add(cat, 422, **said))["error"]
    assert error["code"] == "form"
    assert error["text"].startswith(f"That is not what is expected here: {RULES[next(iter(said))]}")


async def test_slips_of_people_are_explained_in_words(shared: WebStage, cat: Path) -> None:
    tags = ",".join(map(str, range(31)))
    assert "up to 30 tags" in (await shared.add(cat, 422, tags=tags))["error"]["text"]
    for url in ("ftp://example.com/a.gif", "cat.gif", ""):
        refused = await shared.ask("POST", "/api/gifs/url", 422, json={"url": url})
        assert "begins with https://" in refused["error"]["text"]


async def test_a_form_has_a_file(shared: WebStage) -> None:
    empty = aiohttp.FormData({"file": "no file"}, default_to_multipart=True)
    assert (await shared.ask("POST", "/api/gifs", 422, data=empty))["error"]["code"] == "form"
    assert (await shared.ask("POST", "/api/gifs", 415, json={}))["error"]["code"] == "content_type"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    cut = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.gif"\r\n\r\nGIF89a'
    assert (await shared.ask("POST", "/api/gifs", 422, data=cut, headers=headers))["error"]


async def test_links_to_private_places_lead_nowhere(shared: WebStage) -> None:
    for url in (f"{shared.url}/static/icon.svg", "http://169.254.169.254/latest/meta-data", "file:///etc"):
        assert (await shared.ask("POST", "/api/gifs/url", 422, json={"url": url}))["error"]["code"] == "url"


async def test_votes_are_counted_by_scope_and_gif(stage: WebStage) -> None:
    gif = (await stage.ask("GET", "/api/gifs?limit=1"))["gifs"][0]["id"]
    for guild, amounts in {"7": (1.0, 1.0, -1.0), "8": (-1 / 3,)}.items():
        for amount in amounts:
            await stage.memories["discord"].vote(guild, gif, amount)
    await stage.memories["slack"].vote("T1", "0" * 64, 1.0)
    votes = check(await described(stage), "FeedbackAnswer", await stage.ask("GET", "/api/feedback"))
    assert [(vote["scope"], vote["ups"], vote["downs"]) for vote in votes["feedback"]] == [
        ("discord:7", 2, 1),
        ("discord:8", 0, 0.3),
        ("slack:T1", 1, 0),
    ]
    one = await stage.ask("GET", f"/api/feedback?id={gif}&scope=discord:8")
    assert [vote["scope"] for vote in one["feedback"]] == ["discord:8"]
    assert (await stage.ask("GET", "/api/packs"))["scopes"] == ["discord:7", "discord:8", "slack:T1"]


async def test_every_operation_is_described_and_nothing_else_answers(stage: WebStage) -> None:
    description = await described(stage)
    assert description["openapi"] == "3.1.0"
    for schema in description["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, methods in description["paths"].items():
        place = path.replace("{scope}", "discord:1").replace("{id}", "0" * 64).replace("{pack}", "none")
        for method in ("get", "post", "patch", "delete"):
            async with stage.http.request(method, stage.url + place, headers=BEARER) as answer:
                assert (answer.status != 405) is (method in methods), (method, path)
                assert str(answer.status) in methods.get(method, {"responses": {"405": {}}})["responses"], (
                    method,
                    path,
                    answer.status,
                )
    page = (await stage.ask("GET", "/api")).decode()
    assert all(path in page for path in description["paths"])
    assert (await stage.ask("GET", "/api/nothing", 404))["error"]["code"] == "not_found"
