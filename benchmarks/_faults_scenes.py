"""What happens while requests flow: workers are killed, the server goes away, model and GIFs are swapped."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks._faults_load import ANSWERED, Load, Mix, Outcome, gap_for
from benchmarks._faults_stage import WORKERS, Kill, Outage, Stage
from inference.client import RedisService

WARM_UP_S, MEASURED_S = 1.0, 3.0
QUIET_S = 3.0
OUTAGE_S = (1.0, 2.0)
BETWEEN_OUTAGES_S = (1.0, 4.0)
KILL_AFTER_S = (0.1, 4.0)

Progress = Callable[[float], None]
"""Called with the share that is done."""


@dataclass(frozen=True)
class Setup:
    """What all scenes have in common.

    Attributes:
        gifs: the environment that names bundle, packs and data folder.
        texts: messages to send.
        clients: each with connections and replies of its own.
        tasks: of each client; each waits for its answer before it asks again.
        threads: of each worker.
        share: of the rate that saturates, which is measured anew for each scene.
        seed: of all that is drawn at random.
    """

    gifs: Mapping[str, str]
    texts: Sequence[str]
    clients: int
    tasks: int
    threads: int
    share: float
    seed: int


class Rates(NamedTuple):
    """Calls a second: what saturates, and what was then sent."""

    saturating: float
    wanted: float


class KillPlan(NamedTuple):
    """When the next worker is killed, after both are ready, and which."""

    wait_s: float
    slot: int


class SwapPlan(NamedTuple):
    """What `repartee reload` is told, and whether it is to be refused."""

    name: str
    arguments: Sequence[str]
    is_broken: bool = False


class Swap(NamedTuple):
    """How a swap went, by `time.perf_counter`."""

    plan: SwapPlan
    began_at: float
    ended_at: float
    code: int
    said: str


@contextlib.asynccontextmanager
async def prepared(setup: Setup, folder: Path, mix: Mix) -> AsyncIterator[tuple[Stage, Load, Rates]]:
    """Start everything, measure what saturates it, and give a load of the wanted share of that."""
    async with contextlib.AsyncExitStack() as stack:
        stage = await stack.enter_async_context(Stage(folder, setup.gifs, setup.threads))
        services = [await stack.enter_async_context(RedisService(stage.url)) for _ in range(setup.clients)]
        saturating = await _saturate(Load(f"warm {setup.seed}", services, setup.tasks, setup.texts))
        wanted = setup.share * saturating
        gap_s = gap_for(wanted, setup.clients * setup.tasks)
        load = Load(f"call {setup.seed}", services, setup.tasks, setup.texts, mix, gap_s)
        yield stage, load, Rates(saturating, wanted)


async def _saturate(load: Load) -> float:
    """Ask without a pause; return how many answers a second there are."""
    async with load.flowing():
        await asyncio.sleep(WARM_UP_S)
        start = time.perf_counter()
        await asyncio.sleep(MEASURED_S)
    answers = [o for o in load.outcomes if o.end == ANSWERED and start <= o.ended_at < start + MEASURED_S]
    return len(answers) / MEASURED_S


def kill_schedule(seed: int) -> Iterator[KillPlan]:
    """Yield for ever when to kill which worker; the seed alone decides."""
    rng = random.Random(f"kills {seed}")
    while True:
        yield KillPlan(rng.uniform(*KILL_AFTER_S), rng.randrange(WORKERS))


async def kill_workers(
    stage: Stage, load: Load, plans: Iterator[KillPlan], requests: int, progress: Progress
) -> list[Kill]:
    """Send so many messages while one worker after the other is killed and started anew."""
    kills: list[Kill] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(load.run(requests))
        group.create_task(_follow(load, requests, progress))
        for plan in plans:
            await asyncio.sleep(plan.wait_s)
            if load.is_over:
                return kills
            kills.append(await stage.kill_worker(plan.slot))
            await stage.start_worker(plan.slot)
    return kills


async def _follow(load: Load, requests: int, progress: Progress) -> None:
    while not load.is_over:
        progress(min(1.0, len(load.outcomes) / requests))
        await asyncio.sleep(0.5)


async def interrupt_server(
    stage: Stage, load: Load, seed: int, count: int, progress: Progress, *, is_kept: bool
) -> list[Outage]:
    """Stop and start the server so many times, killed and in order by turns."""
    rng = random.Random(f"outages {seed}")
    outages = []
    async with load.flowing():
        for number in range(count):
            await asyncio.sleep(rng.uniform(*BETWEEN_OUTAGES_S))
            seconds = rng.uniform(*OUTAGE_S)
            outages.append(await stage.interrupt(seconds, by_force=number % 2 == 0, is_kept=is_kept))
            progress((number + 1) / count)
        await asyncio.sleep(QUIET_S)
    return outages


async def swap(stage: Stage, load: Load, plans: Sequence[SwapPlan], progress: Progress) -> list[Swap]:
    """Announce one bundle or pack after the other, with some time of quiet before, between and after."""
    swaps = []
    async with load.flowing():
        await asyncio.sleep(QUIET_S)
        for number, plan in enumerate(plans, start=1):
            began_at = time.perf_counter()
            code, said = await stage.reload(*plan.arguments)
            swaps.append(Swap(plan, began_at, time.perf_counter(), code, said))
            await asyncio.sleep(QUIET_S)
            progress(number / len(plans))
    return swaps


def by_phase(swaps: Sequence[Swap], outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Sort calls by when they began: before the first swap, during those of each name, after one."""
    phases: dict[str, list[Outcome]] = {"before": []}
    for swap in swaps:
        phases.setdefault(f"during {swap.plan.name}", [])
    phases["after"] = []
    for outcome in outcomes:
        phases[_phase(swaps, outcome.began_at)].append(outcome)
    return phases


def _phase(swaps: Sequence[Swap], at: float) -> str:
    if at < swaps[0].began_at:
        return "before"
    during = (swap for swap in swaps if swap.began_at <= at <= swap.ended_at)
    found = next(during, None)
    return "after" if found is None else f"during {found.plan.name}"


def not_as_told(swaps: Sequence[Swap], outcomes: Sequence[Outcome]) -> list[str]:
    """Name the swaps after which not all workers served the new, or did so although it was broken."""
    wrong, served = [], _served(outcomes, float("-inf"), swaps[0].began_at)
    ends = [*(swap.began_at for swap in swaps[1:]), float("inf")]
    for swap, end in zip(swaps, ends, strict=True):
        now = _served(outcomes, swap.ended_at, end)
        is_new = now != served
        if len(now) != 1 or is_new == swap.plan.is_broken or bool(swap.code) != swap.plan.is_broken:
            wrong.append(swap.plan.name)
        served = now
    return wrong


def _served(outcomes: Sequence[Outcome], start: float, end: float) -> set[tuple[str, str]]:
    return {
        (outcome.bundle, outcome.catalogue)
        for outcome in outcomes
        if outcome.end == ANSWERED and start < outcome.began_at and outcome.ended_at < end
    }
