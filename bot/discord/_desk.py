"""How an interaction is dealt with: acknowledged before any work, timed, every failure put into words."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import discord

from bot.errors import WishError
from bot.messages import refusal
from bot.metrics import BotMetrics
from inference.errors import ReparteeError
from inference.logs import get_logger, where_of

ALREADY_ACKNOWLEDGED = 40060  # the same interaction was delivered twice
UNKNOWN_INTERACTION = 10062  # or too late
AT_ONCE = 8  # pieces of work; what came in meanwhile is acknowledged and waits, so that no crowd delays that

Interaction = discord.Interaction[Any]
Step = Callable[[], Awaitable[object]]


class Desk:
    """Runs what people ask for; `drain` waits for what is under way."""

    def __init__(self, metrics: BotMetrics) -> None:
        self._metrics = metrics
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._log = get_logger("discord")

    async def answer(
        self, interaction: Interaction, surface: str, work: Step, *, is_public: bool = False
    ) -> None:
        """Deal with a command: a place for the answer is shown at once, `is_public` to everybody."""

        async def acknowledge() -> None:
            await interaction.response.defer(ephemeral=not is_public, thinking=True)

        async def say(line: str) -> None:
            if is_public:
                await interaction.delete_original_response()
                await interaction.followup.send(line, ephemeral=True)
            else:
                await interaction.edit_original_response(content=line)

        await self._run(interaction, surface, acknowledge, work, say)

    async def press(self, interaction: Interaction, surface: str, work: Step) -> None:
        """Deal with a button: what it belongs to stays as it is until the work changes it."""

        async def say(line: str) -> None:
            await interaction.followup.send(line, ephemeral=True)

        await self._run(interaction, surface, interaction.response.defer, work, say)

    async def note(self, surface: str, work: Callable[[], Awaitable[str]]) -> None:
        """Deal with an event that nobody waits for; `work` says how it ended."""
        with self._under_way(), self._metrics.timed(surface, "answer"):
            try:
                outcome = await work()
            except WishError as error:
                outcome = type(error).__name__
            except (ReparteeError, discord.DiscordException, aiohttp.ClientError) as error:
                outcome = self._failed(surface, error)
        self._metrics.count(surface, outcome)

    async def drain(self, patience_s: float) -> None:
        """Wait until nothing is under way, but no longer than that."""
        try:
            async with asyncio.timeout(patience_s):
                await self._idle.wait()
        except TimeoutError:
            self._log.warning("left unanswered", count=self._running)

    async def _run(
        self,
        interaction: Interaction,
        surface: str,
        acknowledge: Step,
        work: Step,
        say: Callable[[str], Awaitable[None]],
    ) -> None:
        with self._under_way():
            try:
                with self._metrics.timed(surface, "acknowledge"):
                    await acknowledge()
            except discord.HTTPException as error:
                is_known = error.code in (ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION)
                outcome = "not ours any more" if is_known else self._failed(surface, error)
            else:
                with self._metrics.timed(surface, "answer"):
                    outcome = await self._work(surface, work, say)
        self._metrics.count(surface, outcome)

    async def _work(self, surface: str, work: Step, say: Callable[[str], Awaitable[None]]) -> str:
        try:
            async with self._places:
                await work()
            return "answered"
        except ReparteeError as error:
            outcome, line = type(error).__name__, refusal(error)
        except Exception as error:  # a fault of ours or of the platform: the person is told all the same
            outcome, line = self._failed(surface, error), refusal(ReparteeError())
        try:
            await say(line)
        except discord.HTTPException as error:
            self._failed(surface, error)
        return outcome

    def _failed(self, surface: str, error: Exception) -> str:
        """Log a failure without its text, which may quote what somebody said."""
        status, code = getattr(error, "status", None), getattr(error, "code", None)
        self._log.error("failed", surface=surface, where=where_of(error), status=status, code=code)
        return type(error).__name__

    @contextlib.contextmanager
    def _under_way(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
