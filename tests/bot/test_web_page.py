"""The page as people use it, in a real browser: with a mouse, with keys only, at rest, in the dark."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.bot.browser import PATIENCE_MS, chromium, find_chromium, focused, go, press, ready, see, visit
from tests.bot.web_stage import WebStage, draw_pattern, web_stage
from tests.tiny import GIFS

pytestmark = pytest.mark.asyncio(loop_scope="module")
DROP = """
async ([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "image/gif" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    document.getElementById("drop").dispatchEvent(
      new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    find_chromium()
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> AsyncIterator[WebStage]:
    async with web_stage(tiny_bundle, tiny_pack, tmp_path) as opened:
        yield opened


async def ask_until(page: Page, name: str) -> None:
    """Type until a GIF is among the answers, as running engines take a moment to notice a new one."""
    found = page.locator("#ranked h3", has_text=name)
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await found.count():
            await page.get_by_label("Message").fill("")
            await expect(page.locator("#timing")).not_to_contain_text("Answered")
            await page.get_by_label("Message").fill("party")
            await expect(page.locator("#timing")).to_contain_text("Answered")


async def test_the_link_logs_in_and_leaves_no_trace(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        assert seen.page.url == f"{stage.url}/"
        assert stage.link.rpartition("#")[2] not in await seen.page.content()
        assert await seen.page.evaluate("document.cookie") == ""
        await seen.page.go_back()
        assert "#" not in seen.page.url
        await seen.page.goto(stage.url)
        await ready(seen.page)
        await seen.page.get_by_role("button", name="Log out").click()
        await expect(seen.page.get_by_label("Token")).to_be_focused()
        await seen.page.goto(stage.url)
        await seen.page.wait_for_url("**/login")


async def test_the_link_works_where_the_form_is_open(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, f"{stage.url}/login") as seen:
        await expect(seen.page.get_by_label("Token")).to_be_focused()
        await seen.page.goto(stage.link)
        await ready(seen.page)
        await seen.page.goto(f"{stage.url}/login")
        await ready(seen.page)


async def test_a_wrong_token_is_said_to_be_wrong(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, f"{stage.url}/login#guess") as seen:
        await expect(seen.page.get_by_role("alert")).to_have_text("That is not the token.")
        await seen.page.get_by_label("Token").fill(stage.link.rpartition("#")[2])
        await seen.page.get_by_role("button", name="Log in").click()
        await ready(seen.page)
        seen.problems.clear()  # a browser notes the 401


async def test_who_types_sees_the_gifs_change(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        cards = seen.page.locator("#ranked .card")
        await seen.page.get_by_label("Message").press_sequentially("I miss you")
        await expect(cards).to_have_count(6)
        await expect(cards.first.locator("h3")).to_have_text("hug")
        await see(cards.locator("img"), still=False)
        await expect(cards.first.get_by_role("meter")).to_have_attribute("aria-valuenow", re.compile(r"\d+"))
        await expect(cards.first.locator("img")).to_have_attribute("alt", "A block moves: hug.")
        await expect(seen.page.locator("#timing")).to_have_text(
            re.compile(r"Answered in [\d.]+ ms by tiny 1")
        )
        await seen.page.get_by_label("Message").fill("so funny haha")
        await expect(cards.first.locator("h3")).to_have_text("laugh")
        await seen.page.locator("#try-count").select_option("3")
        await expect(cards).to_have_count(3)
        await seen.page.get_by_label("Mood").select_option("dance")
        await expect(cards.first.locator("h3")).to_have_text("dance")
        await expect(seen.page.get_by_role("status")).to_have_text(re.compile("GIFs, the best one: dance"))
        await seen.page.get_by_label("Message").fill("")
        await expect(cards).to_have_count(0)


async def test_a_grave_message_closes_the_gate(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        await seen.page.get_by_label("Message").fill("he died")
        gate = seen.page.locator("#gate")
        await expect(gate).to_contain_text("No playful GIF should be sent: 98 %")
        await expect(gate).to_contain_text("The gate closes above 50 %")
        shown = await seen.page.locator("#ranked .tags li:first-child").all_text_contents()
        assert set(shown) <= {"hug", "hearts", "sorry"}
        await expect(seen.page.locator("#withheld .card").first).to_be_hidden()
        await seen.page.get_by_text("What would come without the gate").click()
        await expect(seen.page.locator("#withheld .card")).to_have_count(6)
        await seen.page.get_by_label("Message").fill("boom")
        await expect(gate).to_contain_text("A playful GIF is fine here")
        await expect(seen.page.locator("#playful")).to_be_hidden()


async def test_a_gif_is_dropped_mended_found_and_removed(
    browser: Browser, stage: WebStage, tmp_path: Path
) -> None:
    path = draw_pattern(tmp_path / "grumpy cat.gif")
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Add")
        await page.get_by_label("Tags").fill("cat, grumpy")
        await page.locator("#add-categories select").select_option("dance")
        await page.evaluate(DROP, [path.name, base64.b64encode(path.read_bytes()).decode()])
        row = page.locator(".intake-row")
        await expect(row).to_contain_text("Added")
        for stage_name in ("Read", "Make it fit", "Understand", "Keep"):
            await expect(row.locator("li.done", has_text=stage_name)).to_contain_text("ms")
        await expect(page.get_by_role("status")).to_have_text(re.compile("added"))

        await row.locator("summary").click()
        await row.get_by_label("Name").fill("Sulking cat")
        await row.get_by_label("Tags").fill("sulking")
        await row.get_by_role("button", name="Save").click()
        await expect(row.locator("h3")).to_have_text("Sulking cat")

        await go(page, "Try it")
        await page.get_by_label("Mood").select_option("dance")
        await page.locator("#try-count").select_option("24")
        await ask_until(page, "Sulking cat")

        await go(page, "Packs")
        await page.get_by_label("Search", exact=True).fill("sulking")
        tile = page.locator(".tile")
        await expect(tile).to_have_count(1)
        await tile.click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Remove", exact=True).click()
        await dialog.get_by_role("button", name="Keep it").click()
        await dialog.get_by_role("button", name="Remove", exact=True).click()
        await dialog.get_by_role("button", name="Yes, remove it").click()
        await expect(tile).to_have_count(0)
        assert await stage.library.gifs() == []


async def test_a_refused_gif_says_why(browser: Browser, stage: WebStage, tmp_path: Path) -> None:
    path = tmp_path / "page.gif"
    path.write_text("<!doctype html><script>alert(1)</script>")
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        await go(seen.page, "Add")
        await seen.page.locator("#files").set_input_files(path)
        await expect(seen.page.locator(".intake-row.refused .state")).to_contain_text("Refused: ")
        await seen.page.get_by_label("Or from a link").fill("http://127.0.0.1:1/cat.gif")
        await seen.page.get_by_role("button", name="Fetch").click()
        await expect(seen.page.locator(".intake-row.refused")).to_have_count(2)
        await seen.page.get_by_label("Who sees them").select_option("other")
        await seen.page.get_by_label("Server or workspace").fill("1234")
        await seen.page.get_by_label("Or from a link").fill("http://example.org/cat.gif")
        await seen.page.get_by_role("button", name="Fetch").click()
        await expect(seen.page.get_by_label("Server or workspace")).to_be_focused()
        await expect(seen.page.get_by_label("Or from a link")).to_have_value("http://example.org/cat.gif")


async def test_packs_are_browsed_by_words_and_by_meaning(browser: Browser, stage: WebStage) -> None:
    await stage.memories["discord"].vote("7", await _id_of(stage, "dance"), 1.0)
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Packs")
        tiles = page.locator(".tile")
        await expect(tiles).to_have_count(len(GIFS))
        await page.get_by_label("Category", exact=True).select_option("dance")
        await expect(tiles).to_have_count(2)
        await page.get_by_label("Category", exact=True).select_option("")
        await page.get_by_label("Search", exact=True).fill("boom")
        await page.get_by_text("meaning", exact=True).click()
        await expect(tiles.first).to_contain_text("mic drop")
        await page.get_by_label("Search", exact=True).fill("party")
        await expect(tiles.first).to_contain_text("dance")
        await tiles.first.click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("stays as it is")
        await expect(dialog.locator(".votes")).to_contain_text("Discord 7")
        await expect(dialog.locator(".votes")).to_contain_text("👍 1")


async def test_with_keys_only(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        assert await focused(page) == "message"
        await page.keyboard.type("I miss you")
        await expect(page.locator("#ranked .card")).to_have_count(6)
        await press(page, *["Shift+Tab"] * 7)
        assert await focused(page) == "Skip to the content"
        await press(page, "Tab", "Tab", "Tab")
        assert await focused(page) == "Packs"
        await press(page, "Enter")
        await expect(page.get_by_label("Search", exact=True)).to_be_focused()
        await expect(page.locator(".tile")).to_have_count(len(GIFS))
        await press(page, "Tab", "Tab", "Tab")
        name = await focused(page)
        assert name.startswith("hug")
        moving = page.locator(".tile:focus img")
        await expect(moving).to_have_attribute("src", re.compile(r"/gifs/[0-9a-f]{64}$"))
        await press(page, "Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await press(page, "Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert await focused(page) == name


async def _id_of(stage: WebStage, name: str) -> str:
    found = await stage.ask("GET", f"/api/gifs?text={name}")
    return str(next(gif["id"] for gif in found["gifs"] if gif["name"] == name))
