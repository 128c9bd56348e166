"""How the bot says that it is cut off."""

from __future__ import annotations

from bot.discord._line import PATIENCE_S, Line
from tests.bot.stage import Stage
from tests.serving import until


def test_a_line_that_is_down_is_complained_about_and_later_an_illness() -> None:
    now = 0.0
    line = Line(clock=lambda: now)
    assert (line.complaint, line.illness) == ("", "")
    line.goes_down(3)
    now = PATIENCE_S - 1
    line.goes_down(3)
    assert "shard 3" in line.complaint
    assert line.illness == ""
    now = PATIENCE_S + 60
    assert "6 minutes" in line.illness
    line.comes_up(3)
    assert (line.complaint, line.illness) == ("", "")


async def test_a_lost_connection_is_noticed_and_so_is_its_return(stage: Stage) -> None:
    async with stage.side.disconnected():
        await until(lambda: stage.bot.line.complaint)
    await until(lambda: not stage.bot.line.complaint)
