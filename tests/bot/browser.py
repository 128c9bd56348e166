"""A headless Chromium for tests of the page; without one they are skipped, but not where CI runs them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 45_000
WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error("policy", event.violatedDirective, event.blockedURI));
"""


@dataclass
class Visit:
    """An open page, and what went wrong in it."""

    page: Page
    problems: list[str] = field(default_factory=list)


def find_chromium() -> str:
    """Return where a Chromium is; without one the test is skipped, or fails where CI is set."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = "There is no Chromium on the path: install one (apt install chromium) to test the page."
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser."""
    path = find_chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def visit(browser: Browser, link: str, **options: Any) -> AsyncIterator[Visit]:
    """Open a page in a profile of its own; at the end it must have had no trouble."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE_MS)
    try:
        visit = Visit(await context.new_page())
        await visit.page.add_init_script(WATCH)
        visit.page.on("console", lambda line: _note(visit, line.type, line.text))
        visit.page.on("pageerror", lambda error: visit.problems.append(str(error)))
        await visit.page.goto(link)
        yield visit
        assert visit.problems == []
    finally:
        await context.close()


def _note(visit: Visit, kind: str, text: str) -> None:
    if kind in ("error", "warning"):
        visit.problems.append(text)


async def ready(page: Page) -> None:
    await page.wait_for_selector("body[data-ready]")


async def go(page: Page, name: str) -> None:
    await page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()


async def see(images: Locator, *, still: bool) -> None:
    """Wait until all pictures show their GIF, or all of them what stands for it."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while True:
            shown: list[str] = await images.evaluate_all("(all) => all.map((image) => image.currentSrc)")
            if all(shown) and {address.endswith("/still") for address in shown} == {still}:
                return
            await asyncio.sleep(0.02)


async def focused(page: Page) -> str:
    """Return what has the focus, in its own words."""
    return str(
        await page.evaluate(
            "document.activeElement.id || document.activeElement.getAttribute('aria-label')"
            " || document.activeElement.textContent.trim()"
        )
    )


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)
