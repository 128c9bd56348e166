"""Do votes raise what a server would choose, and can they bury a GIF for good? Simulated with the real code.

A simulated server likes every GIF by an amount of its own (drawn once, spread TASTE), which adds to how well
the GIF fits the message. Each week members ask for previews; who looks at a page sends the GIF that pleases
most, if it comes near the best of the whole preview, or else shuffles on. Sends and shuffles are counted and
shift the next previews, by the code that the bots run. Beside it, the same messages where nothing is counted.

In the second part a hundred people put a thumb down under the GIF that answers a message best, all in one
evening; reported is where in the preview of that message it stands from then on.

Messages are those of the training set; nobody's judgement of them is used.

    python -m benchmarks.feedback --json feedback.json
"""

import asyncio
import contextlib
import itertools
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks._timing import Verdict, print_verdicts, report, write_json
from bot.feedback import THUMB
from bot.memory import Memory
from bot.places import Ask, Place
from bot.reactor import PREVIEWED, Reactor
from bot.records import SHOWN, Preview
from bot.store import SqliteStore
from inference.client import LocalService
from inference.engine import Engine
from inference.protocol import Reaction

ROOT = Path(__file__).resolve().parents[1]
TASTE = 0.05  # in cosine; the best GIFs of neighbouring categories are about 0.04 apart
CONTENT = 0.02  # who finds a GIF that comes so near to the best one sends it
START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
Floats = npt.NDArray[np.float64]
COUNTED, UNCOUNTED = "counted", "uncounted"
CAMPAIGN = 100
LATER = (0, 60, 120, 180, 240, 300)  # days after the campaign
LIKED_AGAIN = 20

Servers = Annotated[int, typer.Option(help="Simulated servers, each with a taste of its own.")]
Weeks = Annotated[int, typer.Option(help="Weeks; the last quarter is measured.")]
AWeek = Annotated[int, typer.Option(help="Messages a week and server.")]
BundleDir = Annotated[Path, typer.Option(help="Folder of the bundle.")]
PackDir = Annotated[Path, typer.Option(help="Folder of the pack.")]
MessagesFile = Annotated[Path, typer.Option(help='Lines of {"text"}.')]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything that was measured here.")]


@dataclass
class Clock:
    """The simulated time."""

    now: datetime = START

    def __call__(self) -> datetime:
        """Return it."""
        return self.now


@dataclass
class Ranks:
    """Places (from 1) of the GIF that pleases most, and whether the first page had one to send."""

    places: list[int] = field(default_factory=list)
    at_once: list[bool] = field(default_factory=list)

    def note(self, preview: Preview, pleasure: Sequence[float]) -> None:
        """Add one preview, whose GIFs please so much."""
        best = int(np.argmax(pleasure))
        self.places.append(best + 1)
        self.at_once.append(max(pleasure[:SHOWN]) >= pleasure[best] - CONTENT)


@dataclass(frozen=True)
class Campaign:
    """Places of GIFs that were voted down, (messages, times), and their mean once they are liked again."""

    places: Floats
    liked_again: float


@dataclass
class Server:
    """A server and the real bot on it; `liking` is what it thinks of each GIF, drawn when first seen."""

    reactor: Reactor
    clock: Clock
    rng: np.random.Generator
    liking: dict[str, float] = field(default_factory=dict)

    async def preview(self, text: str, guild: str) -> Preview:
        """Ask for GIFs."""
        return await self.reactor.preview(Ask(text, Place(channel="channel", guild=guild), asker="member"))

    async def place(self, text: str, guild: str, gif: Reaction) -> int:
        """Return the place (from 1) of a GIF in a preview, one more than there are where it is not in it."""
        found = [reaction.id for reaction in (await self.preview(text, guild)).reactions]
        return found.index(gif.id) + 1 if gif.id in found else PREVIEWED + 1

    def pleasure(self, preview: Preview) -> list[float]:
        """Say how much each GIF of a preview pleases: how well it fits, plus how it is liked."""
        for reaction in preview.reactions:
            if reaction.id not in self.liking:
                self.liking[reaction.id] = float(self.rng.normal(0, TASTE))
        return [reaction.score + self.liking[reaction.id] for reaction in preview.reactions]

    async def use(self, preview: Preview) -> None:
        """Send the first GIF that nearly pleases most, leafing on as far as it takes."""
        pleasure = self.pleasure(preview)
        content = max(pleasure) - CONTENT
        place = next(place for place, value in enumerate(pleasure) if value >= content)
        for page in range(1, place // SHOWN + 1):
            preview = await self.reactor.turn(preview.id, "member", page)
        preview, chosen = await self.reactor.choose(preview.id, "member", place)
        await self.reactor.settle(preview, chosen, message=preview.id)


def main(
    servers: Servers = 6,
    weeks: Weeks = 24,
    a_week: AWeek = 30,
    bundle: BundleDir = ROOT / "assets" / "models" / "house",
    pack: PackDir = ROOT / "assets" / "packs" / "fluent",
    messages: MessagesFile = ROOT.parent / "shared" / "reactions" / "chat.jsonl",
    json_file: JsonFile = None,
) -> None:
    """Simulate and print."""
    console = Console()
    lines = map(json.loads, messages.read_text(encoding="utf-8").splitlines())
    texts = [line["text"] for line in lines if not line["hold"]]
    with tempfile.TemporaryDirectory() as name, Progress(console=console, transient=True) as bar:
        folder = Path(name)
        engine = Engine.open(bundle, [pack], folder / "catalogue.sqlite")
        task = bar.add_task("Weeks", total=servers * weeks)
        ranks = asyncio.run(_live(engine, folder, texts, (servers, weeks, a_week), lambda: bar.advance(task)))
        campaign = asyncio.run(_campaign(engine, folder, texts))
    verdicts = _verdicts(ranks, campaign)
    print_verdicts(console, verdicts)
    if json_file:
        write_json(json_file, report({}, verdicts, servers=servers, weeks=weeks, a_week=a_week))


async def _live(
    engine: Engine, folder: Path, texts: Sequence[str], size: tuple[int, int, int], tick: Callable[[], None]
) -> dict[str, Ranks]:
    """Let servers vote for weeks; return the ranks in the last quarter of them."""
    servers, weeks, a_week = size
    ranks = {COUNTED: Ranks(), UNCOUNTED: Ranks()}
    for number in range(servers):
        async with _opened(engine, folder / f"server{number}.sqlite", seed=number) as server:
            for week in range(weeks):
                server.clock.now = START + week * WEEK
                for text in server.rng.choice(texts, a_week):
                    if 4 * week >= 3 * weeks:
                        for guild, noted in ranks.items():
                            preview = await server.preview(str(text), guild)
                            noted.note(preview, server.pleasure(preview))
                    await server.use(await server.preview(str(text), COUNTED))
                tick()
    return ranks


async def _campaign(engine: Engine, folder: Path, texts: Sequence[str], messages: int = 20) -> Campaign:
    """Vote the best GIFs of some messages down; return where they are at each of `LATER`."""
    places, liked = [], []
    async with _opened(engine, folder / "campaign.sqlite", seed=0) as server:
        for number, text in enumerate(server.rng.choice(texts, messages, replace=False)):
            server.clock.now, guild = START, f"campaign {number}"
            best = (await server.preview(str(text), guild)).reactions[0]
            await server.reactor.posts.keep(Place("channel", guild), best, f"post {number}")
            for voter in range(CAMPAIGN):
                await server.reactor.posts.vote(f"post {number}", str(voter), -THUMB)
            row = []
            for days in LATER:
                server.clock.now = START + timedelta(days=days)
                row.append(await server.place(str(text), guild, best))
            places.append(row)
            server.clock.now = START
            for voter in range(LIKED_AGAIN):
                await server.reactor.posts.vote(f"post {number}", f"friend {voter}", THUMB)
            liked.append(await server.place(str(text), guild, best))
    return Campaign(np.array(places, dtype=np.float64), float(np.mean(liked)))


@contextlib.asynccontextmanager
async def _opened(engine: Engine, path: Path, *, seed: int) -> AsyncIterator[Server]:
    """Put the bot's core together, with a clock of its own and nothing held back for having been seen."""
    clock, names = Clock(), itertools.count()
    store = SqliteStore(path, clock=lambda: clock.now.timestamp())
    async with store, LocalService(engine) as service:
        memory = Memory(store, "simulated", recent=0, clock=clock)
        reactor = Reactor(service, memory, issue=lambda: str(next(names)))
        yield Server(reactor, clock, np.random.default_rng(seed))


def _verdicts(ranks: dict[str, Ranks], campaign: Campaign) -> list[Verdict]:
    counted, uncounted = ranks[COUNTED], ranks[UNCOUNTED]
    before, after = float(np.mean(uncounted.places)), float(np.mean(counted.places))
    once = [100 * float(np.mean(noted.at_once)) for noted in (uncounted, counted)]
    verdicts = [
        Verdict("place of the GIF that pleases most, nothing counted", before),
        Verdict("the same, votes counted", after, limit=before),
        Verdict("first page has one to send, nothing counted", once[0], "%"),
        Verdict("the same, votes counted", once[1], "%", limit=once[0], is_at_most=False),
    ]
    for days, column in zip(LATER, campaign.places.T, strict=True):
        what = f"mean place of what {CAMPAIGN} voted down, {days} days later"
        verdicts.append(Verdict(what, float(column.mean()), limit=SHOWN if days == LATER[-1] else None))
    what = f"the same, at once, after {LIKED_AGAIN} voted for it"
    verdicts.append(Verdict(what, campaign.liked_again, limit=SHOWN))
    return verdicts


if __name__ == "__main__":
    typer.run(main)
