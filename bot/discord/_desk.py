"""How an interaction is dealt with: acknowledged before any work, its failures said where somebody asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import discord

from bot.metrics import BotMetrics
from bot.work import Say, Step, Work

ALREADY_ACKNOWLEDGED = 40060  # the same interaction was delivered twice
UNKNOWN_INTERACTION = 10062  # or too late

Interaction = discord.Interaction[Any]


class Desk:
    """Runs what people ask for."""

    def __init__(self, metrics: BotMetrics) -> None:
        self._work = Work(metrics, "discord")

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

        await self._run(surface, acknowledge, work, say)

    async def press(self, interaction: Interaction, surface: str, work: Step) -> None:
        """Deal with a button: what it belongs to stays as it is until the work changes it."""

        async def say(line: str) -> None:
            await interaction.followup.send(line, ephemeral=True)

        await self._run(surface, interaction.response.defer, work, say)

    async def ask(
        self, interaction: Interaction, surface: str, make: Callable[[], Awaitable[discord.ui.Modal]]
    ) -> None:
        """Deal with what is answered by a form, at once; where there is a reason for none, that is said."""
        failures: list[Exception] = []

        async def acknowledge() -> None:
            try:
                form = await make()
            except Exception as error:  # it is the answer, which the work gives
                failures.append(error)
            else:
                await interaction.response.send_modal(form)

        async def work() -> None:
            if failures:
                raise failures[0]

        async def say(line: str) -> None:
            await interaction.response.send_message(line, ephemeral=True)

        await self._run(surface, acknowledge, work, say)

    async def note(self, surface: str, work: Callable[[], Awaitable[str]]) -> None:
        """Deal with an event that nobody waits for; `work` says how it ended."""
        await self._work.note(surface, work)

    async def drain(self, patience_s: float) -> None:
        """Wait until nothing is under way, but no longer than that."""
        await self._work.drain(patience_s)

    async def _run(self, surface: str, acknowledge: Step, work: Step, say: Say) -> None:
        metrics = self._work.metrics
        with self._work.under_way():
            try:
                with metrics.timed(surface, "acknowledge"):
                    await acknowledge()
            except discord.HTTPException as error:
                is_known = error.code in (ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION)
                outcome = "not ours any more" if is_known else self._work.failed(surface, error)
            else:
                outcome = await self._work.attempt(surface, work, say)
        metrics.count(surface, outcome)
