"""The simulation runs the bot's own code, and its figures can come out either way."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import feedback
from benchmarks.feedback import COUNTED, UNCOUNTED, Campaign, Ranks
from inference.engine import Engine

TEXTS = ["I miss you", "so funny", "boom", "so sad"]


async def test_servers_vote_and_both_rankings_are_noted(tiny_engine: Engine, tmp_path: Path) -> None:
    ticks: list[None] = []
    ranks = await feedback._live(tiny_engine, tmp_path, TEXTS, (2, 4, 3), lambda: ticks.append(None))
    assert len(ticks) == 8
    assert len(ranks[COUNTED].places) == len(ranks[UNCOUNTED].places) == 2 * 3
    assert all(1 <= place <= 12 for noted in ranks.values() for place in noted.places)


async def test_a_campaign_moves_a_gif_down_and_time_brings_it_back(
    tiny_engine: Engine, tmp_path: Path
) -> None:
    campaign = await feedback._campaign(tiny_engine, tmp_path, TEXTS, messages=2)
    assert campaign.places.shape == (2, len(feedback.LATER))
    assert (campaign.places[:, 0] >= campaign.places[:, -1]).all()
    assert (campaign.places[:, -1] == 1).all()
    assert campaign.liked_again == 1


def test_worse_rankings_miss_the_targets() -> None:
    better, worse = Ranks([1, 1], [True, True]), Ranks([5, 3], [False, True])
    places = np.array([[9.0, 1.0]] * 2)[:, [0, 1, 1, 1, 1, 1]]
    good = feedback._verdicts({COUNTED: better, UNCOUNTED: worse}, Campaign(places, 2))
    assert all(verdict.is_met in (True, None) for verdict in good)
    bad = feedback._verdicts({COUNTED: worse, UNCOUNTED: better}, Campaign(places + 30, 25))
    assert [verdict.is_met for verdict in bad if verdict.limit is not None] == [False] * 4
