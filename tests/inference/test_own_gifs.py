"""Own GIFs are found by running engines, by whom they are for, and by nobody else."""

import io
import multiprocessing
import os
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from inference import catalogue
from inference.bundle import sha256_of
from inference.catalogue import GifChange, NewGif, OwnGif, OwnGifs
from inference.engine import Engine
from inference.errors import CatalogueError, DuplicateGifError, PackFullError, UnknownGifError
from inference.fingerprints import BYTES
from inference.follow import Follower
from inference.pack import PackGif, read_pack
from inference.protocol import ReactRequest
from tests import tiny

PATIENCE_S = 20.0
GUILD, OTHER = "discord:1", "discord:2"


def new_gif(number: int, category: str = "dance", scope: str = "", pack: str = "own") -> NewGif:
    """Make a GIF of a category's colour whose looks are like no other's."""
    file = io.BytesIO()
    Image.new("RGB", (16, 16), tiny.COLOURS[category]).save(file, "GIF", comment=f"{number} {scope}".encode())
    data = file.getvalue()
    entry = PackGif(
        id=catalogue.identity(data),
        file="",
        name=f"mine {number}",
        categories=[category],
        tags=tiny.WORDS[category][1:],
        alt_text="A GIF of ours.",
        licence="unknown",
    )
    look = np.random.default_rng(zlib.crc32(data)).integers(0, 256, BYTES, np.uint8)
    return NewGif(scope=scope, pack=pack, entry=entry, origin=f"{number}", data=data, fingerprint=look)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


@pytest.fixture
def own(place: Path) -> Iterator[OwnGifs]:
    with OwnGifs(place) as opened:
        yield opened


@pytest.fixture
def opened(tiny_bundle: Path, tiny_pack: Path, place: Path) -> Callable[[], Engine]:
    return lambda: Engine.open(tiny_bundle, [tiny_pack], place)


def names(engine: Engine, text: str, scope: str = "", k: int = 20) -> list[str]:
    return [reaction.name for reaction in engine.answer(ReactRequest(text=text, k=k, scope=scope)).reactions]


def of_category(engine: Engine, category: str) -> list[str]:
    wanted = ReactRequest(text="so sad", k=20, categories=[category])
    return [reaction.name for reaction in engine.answer(wanted).reactions]


def test_what_is_added_is_found_without_opening_the_engine_anew(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    engine = opened()
    assert engine.renewed(own) is engine
    added = own.add(new_gif(1))
    renewed = engine.renewed(own)
    assert "mine 1" not in names(engine, "let us dance")
    assert "mine 1" in names(renewed, "let us dance")
    assert len(renewed) == len(engine) + 1
    assert renewed.fingerprint != engine.fingerprint
    found = next(r for r in renewed.answer(ReactRequest(text="dance", k=20)).reactions if r.id == added.id)
    assert sha256_of(Path(found.file)) == added.id
    assert names(opened(), "let us dance") == names(renewed, "let us dance")


def test_nobody_sees_what_another_server_has(own: OwnGifs, opened: Callable[[], Engine]) -> None:
    before = opened()
    own.add(new_gif(1, scope=GUILD))
    own.add(new_gif(2, scope=OTHER))
    own.add(new_gif(3))
    for engine in (before.renewed(own), opened()):
        for k in (1, 3, 50):
            mine = [n for n in names(engine, "dance at the party", GUILD, k) if n.startswith("mine")]
            assert set(mine) <= {"mine 1", "mine 3"}
        assert set(names(engine, "dance", GUILD, 50)) >= {"mine 1", "mine 3"}
        assert set(names(engine, "dance", OTHER, 50)) >= {"mine 2", "mine 3"}
        for stranger in ("", "slack:1", "discord:11"):
            assert {n for n in names(engine, "dance", stranger, 50) if n.startswith("mine")} == {"mine 3"}


def test_a_gif_of_another_server_cannot_be_asked_for_by_any_wish(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    secret = own.add(new_gif(1, scope=OTHER))
    engine = opened()
    for wish in (
        ReactRequest(text="dance", k=60, scope=GUILD, shifts={secret.id: 1.0}),
        ReactRequest(text="dance", k=60, scope=GUILD, categories=["dance"]),
        ReactRequest(text="dance", k=60, shifts={secret.id: 1.0}, kinds=1),
    ):
        assert secret.id not in {reaction.id for reaction in engine.answer(wish).reactions}


def test_the_same_gif_in_two_servers_and_for_all_comes_once(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    everybody = new_gif(1)
    engine = opened()
    for scope in (GUILD, OTHER, ""):
        own.add(msgspec.structs.replace(everybody, scope=scope, takes_alike=True))
    for known in (engine.renewed(own), opened()):
        assert names(known, "dance", GUILD, 60).count("mine 1") == 1
        assert names(known, "dance", "", 60).count("mine 1") == 1
        liked = ReactRequest(text="you", k=1, scope=GUILD, shifts={everybody.entry.id: 1.0})
        assert [r.name for r in known.answer(liked).reactions] == ["mine 1"]
    own.remove("", everybody.entry.id)
    left = engine.renewed(own)
    assert names(left, "dance", GUILD, 60).count("mine 1") == 1
    assert "mine 1" not in names(left, "dance", "", 60)
    assert Path(own.path(own.find(GUILD, "mine 1"))).is_file()


def test_what_is_changed_is_found_by_its_new_words_and_what_is_removed_no_more(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    gif = own.add(new_gif(1))
    engine = opened()
    changed = own.edit("", gif.id, GifChange(name="tears", tags=["sad", "tears"], categories=["cry"]))
    assert changed.revision > gif.revision
    engine = engine.renewed(own)
    assert "tears" in of_category(engine, "cry")
    assert "mine 1" not in names(engine, "so sad", k=60)
    assert of_category(opened(), "cry") == of_category(engine, "cry")
    own.remove("", gif.id)
    engine = engine.renewed(own)
    assert "tears" not in names(engine, "so sad", k=60)
    assert len(engine) == len(tiny.GIFS)
    assert own.gifs() == []
    assert not own.path(gif).exists()


def test_a_vector_that_is_given_is_used_and_others_are_made_once(
    own: OwnGifs, opened: Callable[[], Engine], tiny_bundle: Path
) -> None:
    gif = own.add(new_gif(1))
    opened()
    model = catalogue_model(own)
    stored = own.changes(0, model, tiny.DIM).lines[0].vector
    assert stored is not None
    own.path(gif).unlink()  # a vector that was made is not made again: the file is not asked for
    assert "mine 1" in names(opened(), "dance", k=60)


def catalogue_model(own: OwnGifs) -> str:
    row = own._db.execute("SELECT DISTINCT model FROM own_vectors").fetchone()
    return str(row[0])


def test_a_gif_whose_file_is_lost_costs_only_itself(own: OwnGifs, opened: Callable[[], Engine]) -> None:
    lost, kept = own.add(new_gif(1)), own.add(new_gif(2))
    own.path(lost).unlink()
    engine = opened()
    assert {n for n in names(engine, "dance", k=60) if n.startswith("mine")} == {kept.entry.name}
    assert [sentence for sentence in catalogue.check(own) if "mine 1" in sentence]


def test_limits_and_likes_are_refused_in_words(own: OwnGifs, opened: Callable[[], Engine]) -> None:
    opened()
    first = new_gif(1, scope=GUILD)
    own.add(first)
    with pytest.raises(DuplicateGifError, match="mine 1"):
        own.add(first)
    alike = msgspec.structs.replace(new_gif(2, scope=GUILD), fingerprint=first.fingerprint)
    with pytest.raises(DuplicateGifError, match="mine 1"):
        own.add(alike)
    own.add(msgspec.structs.replace(alike, scope=OTHER))
    with pytest.raises(PackFullError, match="1 GIFs"):
        own.add(new_gif(3, scope=GUILD), limit=1)
    own.remove(GUILD, first.entry.id)
    assert own.add(alike, limit=1).entry.name == "mine 2"


def test_a_gif_of_the_shipped_packs_is_there_already(
    own: OwnGifs, opened: Callable[[], Engine], tiny_pack: Path
) -> None:
    opened()
    found, looks = own.fingerprints(GUILD)
    pack = {gif.id: gif.name for gif in read_pack(tiny_pack).gifs}
    assert set(found) == pack.keys()
    with pytest.raises(DuplicateGifError, match=pack[found[3]]):
        own.add(msgspec.structs.replace(new_gif(1, scope=GUILD), fingerprint=looks[3]))


def test_gifs_are_named_by_id_beginning_or_name_within_their_scope(own: OwnGifs) -> None:
    gif = own.add(new_gif(1, scope=GUILD))
    for wanted in (gif.id, gif.id[:6], "MINE 1"):
        assert own.find(GUILD, wanted).id == gif.id
    for scope, wanted in ((GUILD, gif.id[:3]), (OTHER, gif.id), ("", "mine 1"), (GUILD, "*"), (GUILD, "")):
        with pytest.raises(UnknownGifError):
            own.find(scope, wanted)
    with pytest.raises(UnknownGifError):
        own.remove(OTHER, gif.id)
    with pytest.raises(UnknownGifError):
        own.edit(OTHER, gif.id, GifChange(name="x"))
    twin = own.add(new_gif(2, scope=GUILD))
    own.edit(GUILD, twin.id, GifChange(name="mine 1"))
    with pytest.raises(UnknownGifError, match=twin.id[:8]):
        own.find(GUILD, "mine 1")


def test_packs_count_and_versions_grow(own: OwnGifs) -> None:
    one = own.add(new_gif(1, scope=GUILD, pack="cats"))
    own.add(new_gif(2, scope=GUILD, pack="dogs"))
    before = {pack.name: pack for pack in own.packs(GUILD)}
    assert {name: pack.gifs for name, pack in before.items()} == {"cats": 1, "dogs": 1}
    own.edit(GUILD, one.id, GifChange(pack="dogs"))
    after = own.packs(GUILD)
    assert [(pack.name, pack.gifs) for pack in after] == [("dogs", 2)]
    assert after[0].version > before["dogs"].version
    assert own.packs(OTHER) == []


def test_an_exported_pack_serves_elsewhere(
    own: OwnGifs, tmp_path: Path, tiny_bundle: Path, tiny_pack: Path
) -> None:
    own.add(new_gif(1, scope=GUILD))
    own.add(new_gif(2, scope=OTHER))
    assert catalogue.export(own, GUILD, "", tmp_path / "out") == 1
    assert [gif.name for gif in read_pack(tmp_path / "out").gifs] == ["mine 1"]
    engine = Engine.open(tiny_bundle, [tiny_pack, tmp_path / "out"], tmp_path / "other.sqlite")
    assert "mine 1" in names(engine, "dance", k=60)
    with pytest.raises(CatalogueError, match="already"):
        catalogue.export(own, GUILD, "", tmp_path / "out")


def test_who_missed_the_tombstones_starts_from_all_there_is(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    gone, kept = own.add(new_gif(1)), own.add(new_gif(2))
    engine = opened()
    own.remove("", gone.id)
    own._db.execute("UPDATE own_gifs SET at = 0 WHERE entry IS NULL")
    own.add(new_gif(3))  # old tombstones are dropped on the way
    assert own._db.execute("SELECT count(*) FROM own_gifs").fetchone()[0] == 2
    renewed = engine.renewed(own)
    assert {n for n in names(renewed, "dance", k=60) if n.startswith("mine")} == {kept.entry.name, "mine 3"}


def test_large_categories_keep_their_graph_while_little_changes(
    own: OwnGifs, tiny_bundle: Path, tiny_pack: Path, place: Path
) -> None:
    for number in range(30):
        own.add(new_gif(number))

    def opened() -> Engine:
        return Engine.open(tiny_bundle, [tiny_pack], place, exact_limit=20)

    opened()
    graphs = {path: path.read_bytes() for path in place.parent.glob("*.hnsw*") if path.suffix != ".rows"}
    assert graphs
    own.add(new_gif(31))
    own.remove("", own.find("", "mine 7").id)
    own.edit("", own.find("", "mine 8").id, GifChange(name="eight"))
    engine = opened()
    assert {path: path.read_bytes() for path in graphs} == graphs
    mine = [n for n in names(engine, "dance", k=60) if n.startswith("mine") or n == "eight"]
    assert sorted(mine) == sorted([*(f"mine {n}" for n in range(30) if n not in (7, 8)), "mine 31", "eight"])
    exact = Engine.open(tiny_bundle, [tiny_pack], place)
    assert sorted(names(exact, "dance", k=60)) == sorted(names(engine, "dance", k=60))


def test_a_follower_hands_over_what_was_added_meanwhile(
    own: OwnGifs, opened: Callable[[], Engine], place: Path
) -> None:
    serving, swapped = [opened()], threading.Event()

    def swap(old: Engine, new: Engine) -> None:
        assert old is serving[0]
        serving[0] = new
        swapped.set()

    follower = Follower(place, lambda: serving[0], swap, every_s=0.01)
    follower.start()
    try:
        own.add(new_gif(1))
        assert swapped.wait(PATIENCE_S)
    finally:
        follower.close()
    assert "mine 1" in names(serving[0], "dance", k=60)
    assert not follower.is_alive()


def _add_for_ever(place: Path, done: Path, ready: "multiprocessing.synchronize.Event") -> None:
    """Note what is done once it is; so that at most the last step is not noted."""
    with OwnGifs(place) as own, done.open("w", buffering=1) as notes:
        for number in range(100_000):
            gif = own.add(new_gif(number, scope=GUILD))
            notes.write(f"+{gif.id}\n")
            if number % 5 == 4:
                notes.write(f"?{gif.id}\n")
                own.remove(GUILD, gif.id)
                notes.write(f"-{gif.id}\n")
            if number == 10:
                ready.set()


def test_whenever_it_is_killed_the_catalogue_is_whole(place: Path) -> None:
    context = multiprocessing.get_context("spawn")
    for round_ in range(3):
        folder = place.parent / f"{round_}"
        folder.mkdir()
        ready = context.Event()
        done = folder / "done"
        process = context.Process(target=_add_for_ever, args=(folder / place.name, done, ready))
        process.start()
        assert ready.wait(PATIENCE_S)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE_S)
        with OwnGifs(folder / place.name) as own:
            gifs: list[OwnGif] = own.gifs(GUILD)
            notes = done.read_text().split()
            added = [note[1:] for note in notes if note[0] == "+"]
            kept = [gif for gif in added if f"?{gif}" not in notes]
            assert len(kept) >= 8
            found = {gif.id for gif in gifs}
            assert found >= set(kept)
            assert not found & {note[1:] for note in notes if note[0] == "-"}
            assert [sentence for sentence in catalogue.check(own) if "unusable" in sentence] == []
            assert own._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            again = own.add(new_gif(100_001, scope=GUILD))
            assert again.revision == own.revision()
