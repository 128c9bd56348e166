"""What is easily lost on the page: the focus, a click, words, the changes of another tab."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from tests.bot.browser import chromium, find_chromium, focused, go, press, ready, visit
from tests.bot.web_stage import WebStage, draw_pattern, web_stage
from tests.tiny import GIFS

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    find_chromium()
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> AsyncIterator[WebStage]:
    async with web_stage(tiny_bundle, tiny_pack, tmp_path) as opened:
        yield opened


async def test_a_folder_says_that_it_cannot_be_dropped(
    browser: Browser, stage: WebStage, tmp_path: Path
) -> None:
    path = draw_pattern(tmp_path / "cat.gif")
    (tmp_path / "folder").mkdir()
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Packs")
        await page.locator(".tile").first.click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        mouse = await page.context.new_cdp_session(page)
        files = {"items": [], "files": [str(tmp_path / "folder"), str(path)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            await mouse.send("Input.dispatchDragEvent", {"type": kind, "x": 9, "y": 300, "data": files})
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(page.locator(".toast.bad")).to_contain_text("A folder cannot be dropped")
        await expect(page.locator(".intake-row")).to_have_count(1)
        await expect(page.locator(".intake-row")).to_contain_text("Added")


async def test_a_slow_click_after_typing_opens_what_it_began_on(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Packs")
        await page.get_by_label("Search", exact=True).press_sequentially("dance")
        await expect(page.locator("#found")).to_have_text("2 GIFs")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        await page.locator(".tile").first.hover()
        await page.mouse.down()
        await expect(page.get_by_label("Search", exact=True)).not_to_be_focused()
        assert [url for url in asked if "/api/" in url] == []
        await page.mouse.up()
        await expect(page.get_by_role("dialog")).to_be_visible()


async def test_more_can_be_asked_for_again_after_a_failure(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        page = seen.page

        async def first_page(route: Route) -> None:
            answer = await route.fetch()
            await route.fulfill(response=answer, json=await answer.json() | {"next_offset": 3})

        await page.route("**/api/gifs?", first_page)
        await page.route("**/api/gifs?offset=3", lambda route: route.abort())
        await ready(page)
        await go(page, "Packs")
        await expect(page.locator(".toast.bad")).to_contain_text("cannot be reached")
        await page.unroute("**/api/gifs?offset=3")
        await page.get_by_role("button", name="Show more").click()
        await expect(page.locator(".tile")).to_have_count(2 * len(GIFS) - 3)
        seen.problems.clear()  # a browser notes what was cut off


async def test_the_skip_link_stays_in_the_view(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        await go(seen.page, "Packs")
        await seen.page.get_by_role("link", name="Skip to the content").press("Enter")
        assert await focused(seen.page) == "main"
        await expect(seen.page.get_by_role("heading", name="Packs", level=1)).to_be_visible()
        await seen.page.goto(f"{stage.url}/#constructor")
        await expect(seen.page.get_by_label("Message")).to_be_visible()


async def test_the_focus_outlives_what_is_drawn_anew(
    browser: Browser, stage: WebStage, tmp_path: Path
) -> None:
    await stage.add(draw_pattern(tmp_path / "cat.gif"), name="Sulking cat")
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Packs")
        await page.get_by_role("button", name="own", exact=False).press("Enter")
        await expect(page.locator("#found")).to_have_text("1 GIF")
        await expect(page.get_by_role("status")).to_have_text("1 GIF")
        assert await page.evaluate("document.activeElement.dataset.key") == "shared/own"
        await page.locator(".tile").press("Enter")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("Happy cat")
        await dialog.get_by_role("button", name="Save").press("Enter")
        await expect(dialog.get_by_role("status")).to_have_text("Happy cat saved")  # all around it is inert
        await expect(dialog.get_by_text("Happy cat saved").last).to_be_visible()
        assert await focused(page) == "Save"
        await expect(page.locator(".tile")).to_contain_text("Happy cat")
        await press(page, "Escape")
        await expect(page.locator(".tile")).to_be_focused()
        await press(page, "Enter")
        await dialog.get_by_role("button", name="Remove", exact=True).press("Enter")
        await dialog.get_by_role("button", name="Yes, remove it").press("Enter")
        await expect(page.get_by_label("Search", exact=True)).to_be_focused()
        await expect(page.get_by_role("status")).to_contain_text("No GIF has all of that")


async def test_only_what_was_changed_is_saved(browser: Browser, stage: WebStage, tmp_path: Path) -> None:
    alt = "A cat sulks at length. " * 40
    gif = (await stage.add(draw_pattern(tmp_path / "cat.gif"), name="cat", alt_text=alt, categories="cry"))[
        "gif"
    ]
    async with visit(browser, stage.link) as seen:
        page = seen.page
        await ready(page)
        await go(page, "Packs")
        await page.get_by_label("Search", exact=True).fill("sulks")
        await expect(page.locator(".tile")).to_have_count(1)
        await page.locator(".tile").click()
        dialog = page.get_by_role("dialog")
        place = f"/api/gifs/shared/{gif['id']}"
        await stage.ask("PATCH", place, json={"tags": ["a, b", "of another tab"]})
        name = dialog.get_by_label("Name")
        box = await name.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 9, box["y"] + 9)  # a text selected out of the dialog
        await page.mouse.down()
        await page.mouse.move(2, box["y"] + 9)
        await page.mouse.up()
        await expect(dialog).to_be_visible()
        await name.fill("cat that sulks")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("heading", name="cat that sulks")).to_be_visible()
        changed = {"name": "cat that sulks", "tags": ["a, b", "of another tab"]}
        assert await stage.ask("GET", place) == gif | changed


async def test_a_session_that_begins_anew_elsewhere_costs_no_words(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        other = await seen.page.context.new_page()
        await other.goto(stage.url)
        await ready(other)
        await other.get_by_role("button", name="Log out").click()
        await other.wait_for_url("**/login")
        await other.goto(stage.link)
        await ready(other)
        await seen.page.get_by_label("Message").fill("I miss you")
        await expect(seen.page.locator("#ranked .card")).to_have_count(6)
        await expect(seen.page.get_by_label("Message")).to_have_value("I miss you")
        await seen.page.route("**/logout", lambda route: route.abort())
        await seen.page.get_by_role("button", name="Log out").click()
        await expect(seen.page.locator(".toast.bad")).to_contain_text("cannot be reached")
        seen.problems.clear()  # a browser notes the 403 and what was cut off
