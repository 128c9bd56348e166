"""What both chats share of packs: turns, limits, and what people type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import messages
from bot.errors import PackWishError
from bot.packs import MOST_TAGS, OwnPacks, Wish, is_kind, read_tags, read_wish
from inference.errors import BusyError, RefusedError
from inference.ingest import Ingestor
from tests.bot.packing import Packing, packing

SCOPE, OTHER = "discord:1", "discord:2"


@pytest.fixture(scope="module")
def place(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Packing]:
    with packing(tiny_bundle, tiny_pack, tmp_path_factory.mktemp("own-packs") / "data") as opened:
        yield opened


async def test_one_gif_of_a_server_at_a_time_and_others_are_not_held_up(place: Packing) -> None:
    packs = OwnPacks(place.library, 500, patience_s=0.05)
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(path: Path) -> None:
        begun.set()
        await goes_on.wait()
        path.write_bytes(place.gif(1))

    async def quick(path: Path) -> None:
        path.write_bytes(place.gif(2))

    first = asyncio.create_task(packs.add(SCOPE, "1.gif", Wish("One"), slow))
    await begun.wait()
    with pytest.raises(BusyError):
        await packs.add(SCOPE, "2.gif", Wish("Two"), quick)
    assert (await packs.add(OTHER, "2.gif", Wish("Two"), quick)).count == 1
    goes_on.set()
    assert (await first).count == 1
    assert (await packs.add(SCOPE, "2.gif", Wish("Two"), quick)).count == 2


async def test_a_place_is_free_again_after_a_failure(place: Packing) -> None:
    packs = OwnPacks(place.library, 500, patience_s=0.05)

    async def fails(path: Path) -> None:
        raise RefusedError("gone")

    for _ in range(2):
        with pytest.raises(RefusedError, match="gone"):
            await packs.add(SCOPE, "1.gif", Wish(), fails)


async def test_where_nothing_can_be_taken_in_the_reason_is_said(place: Packing, tmp_path: Path) -> None:
    with Ingestor(place.catalogue, tmp_path / "no-bundle", processes=1) as ingestor:
        library = type(place.library)(place.catalogue, ingestor)

        async def fetch(path: Path) -> None:
            path.write_bytes(place.gif(7))

        with pytest.raises(PackWishError) as caught:
            await OwnPacks(library, 500).add(SCOPE, "7.gif", Wish(), fetch)
        assert messages.refusal(caught.value) == str(caught.value) != ""
        await library.close()


def test_tags_are_parted_at_commas_lines_and_number_signs() -> None:
    assert read_tags("monday, so  tired;\n#coffee #mug,, monday") == ["monday", "so tired", "coffee", "mug"]
    assert len(read_tags(",".join(map(str, range(100))))) == MOST_TAGS
    assert read_tags(" , ") == []


def test_a_wish_is_read_into_one_line_each_and_its_kinds_are_known() -> None:
    wish = read_wish(" Tired \n cat ", "monday", "Thumbs up, hug", "It\nsleeps.")
    assert wish == Wish("Tired cat", ["monday"], ["thumbs_up", "hug"], "It sleeps.")
    with pytest.raises(PackWishError, match="melancholy"):
        read_wish(category="melancholy")
    with pytest.raises(PackWishError, match="at most"):
        read_wish(category="hug, laugh, cry, dance")


@pytest.mark.parametrize(
    ("media_type", "name", "is_one"),
    [
        ("image/gif", "x", True),
        ("image/webp; charset=binary", "x", True),
        ("VIDEO/MP4", "x", True),
        ("", "Dance.GIF", True),
        ("", "dance.apng", True),
        ("image/jpeg", "x.jpg", False),
        ("text/plain", "gif", False),
    ],
)
def test_which_files_may_move(media_type: str, name: str, is_one: bool) -> None:
    assert is_kind(media_type, name) is is_one
