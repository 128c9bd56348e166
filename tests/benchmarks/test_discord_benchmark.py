"""The clicks of the benchmark are real ones, and slow answers miss the targets."""

from __future__ import annotations

from pathlib import Path

import discord
import pytest

from benchmarks._waits import Waits, summarise
from benchmarks.discord import _click
from inference.engine import Engine
from tests.bot.stage import playing
from tests.discord_side.server import DiscordSide


async def test_a_click_is_timed_to_both_ends(
    tiny_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", "")
    waits = Waits()
    async with DiscordSide(shards=1) as side, playing(side, tiny_engine, tmp_path):
        await _click(side, "I miss you", waits)
        await _click(side, "boom", waits)
    assert len(waits.acknowledged) == len(waits.done) == 2
    assert all(0 < early < late for early, late in zip(waits.acknowledged, waits.done, strict=True))


def test_the_slowest_of_twenty_is_over_the_95th_percentile() -> None:
    quick, slow = Waits([1.0] * 20, [10.0] * 20), Waits([1.0] * 18 + [900.0] * 2, [10.0] * 18 + [900.0] * 2)
    spreads, verdicts = summarise({"quick": quick, "slow": slow}, "preview", acknowledged_ms=100, done_ms=500)
    assert [verdict.is_met for verdict in verdicts] == [True, True, False, False]
    assert spreads["preview, quick"].p50 == 10.0
