"""The mentions of the benchmark are real ones."""

from __future__ import annotations

from pathlib import Path

from benchmarks._waits import Waits
from benchmarks.slack import _mention
from inference.engine import Engine
from tests.bot.slack_stage import playing
from tests.slack_side.server import SlackSide


async def test_a_mention_is_timed_to_both_ends(tiny_engine: Engine, tmp_path: Path) -> None:
    waits = Waits()
    async with SlackSide() as side, playing(side, tiny_engine, tmp_path):
        ann, room = side.people["ann"], side.world.general
        await _mention(side, ann, room, "I miss you", waits)
        await _mention(side, ann, room, "boom", waits)
        assert len(side.posts()) == 2
    assert len(waits.acknowledged) == len(waits.done) == 2
    assert all(0 < early < late for early, late in zip(waits.acknowledged, waits.done, strict=True))
