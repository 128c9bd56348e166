"""How the page looks: at rest, in the dark, on a phone, to a screen reader."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.bot.browser import chromium, find_chromium, go, ready, see, visit
from tests.bot.web_stage import WebStage, draw_pattern, web_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")
PHONE = {"width": 360, "height": 740}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    find_chromium()
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def stage(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> AsyncIterator[WebStage]:
    async with web_stage(tiny_bundle, tiny_pack, tmp_path) as opened:
        yield opened


async def test_nothing_moves_for_who_wants_it_so(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link, reduced_motion="reduce") as seen:
        await ready(seen.page)
        await seen.page.get_by_label("Message").fill("I miss you")
        images = seen.page.locator("#ranked img")
        await expect(images).to_have_count(6)
        await see(images, still=True)
        await seen.page.get_by_role("button", name="Play GIFs").click()
        await see(images, still=False)
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        await seen.page.get_by_label("Message").fill("I miss you")
        images = seen.page.locator("#ranked img")
        await expect(images).to_have_count(6)
        await seen.page.get_by_role("button", name="Pause GIFs").click()
        await see(images, still=True)


async def test_it_is_dark_where_the_system_is(browser: Browser, stage: WebStage) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        async with visit(browser, stage.link, color_scheme=scheme) as seen:
            await ready(seen.page)
            colour = await seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
            brightness[scheme] = sum(map(int, re.findall(r"\d+", colour)[:3]))
    assert brightness["dark"] < 100 < 600 < brightness["light"]


async def test_a_phone_shows_all_of_it(browser: Browser, stage: WebStage) -> None:
    async with visit(browser, stage.link, viewport=PHONE) as seen:
        await ready(seen.page)
        await seen.page.get_by_label("Message").fill("I miss you")
        await expect(seen.page.locator("#ranked .card")).to_have_count(6)
        for name in ("Try it", "Packs", "Add"):
            await go(seen.page, name)
            width = await seen.page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], name


@pytest.mark.parametrize("width", [360, 640, 1280])
async def test_long_words_stay_in_their_places(
    width: int, browser: Browser, stage: WebStage, tmp_path: Path
) -> None:
    long = "Donaudampfschifffahrtsgesellschaft" * 2
    await stage.add(
        draw_pattern(tmp_path / "cat.gif"),
        name=long,
        alt_text="W" * 900,
        tags="x" * 60,
        pack="P" * 60,
        scope="discord:" + "9" * 64,
        categories="dance",
    )
    async with visit(browser, stage.link, viewport=PHONE | {"width": width}) as seen:
        page = seen.page
        await ready(page)
        await page.locator("#try-scope").select_option("discord:" + "9" * 64)
        await page.get_by_label("Mood").select_option("dance")
        await page.locator("#try-count").select_option("24")
        await page.get_by_label("Message").fill("party")
        await expect(page.locator("#ranked h3", has_text=long)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await go(page, "Packs")
        await page.locator(".tile", has_text=long).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        inside = "(dialog) => dialog.scrollWidth - dialog.clientWidth"
        assert await page.get_by_role("dialog").evaluate(inside) == 0
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_every_pack_says_whose_it_is_on_a_phone_too(
    browser: Browser, stage: WebStage, tmp_path: Path
) -> None:
    await stage.add(draw_pattern(tmp_path / "cat.gif"), scope="discord:7")
    async with visit(browser, stage.link, viewport=PHONE) as seen:
        await ready(seen.page)
        await go(seen.page, "Packs")
        packs = seen.page.get_by_role("navigation", name="Packs")
        await expect(packs.get_by_role("heading", name="Discord 7")).to_be_visible()


async def test_every_control_has_a_name(browser: Browser, stage: WebStage) -> None:
    nameless = """() => [...document.querySelectorAll("input, select, textarea, button, a")]
      .filter((control) => !control.labels?.length && !control.getAttribute("aria-label"))
      .filter((control) => !control.textContent.trim())
      .map((control) => control.outerHTML)"""
    async with visit(browser, stage.link) as seen:
        await ready(seen.page)
        await seen.page.get_by_label("Message").fill("I miss you")
        await expect(seen.page.locator("#ranked .card")).to_have_count(6)
        assert await seen.page.evaluate(nameless) == []
        ids = await seen.page.evaluate("[...document.querySelectorAll('[id]')].map((part) => part.id)")
        assert len(ids) == len(set(ids))
        await seen.page.goto(f"{stage.url}/api")
        await expect(seen.page.get_by_role("heading", name="POST /api/react")).to_be_visible()
