"""Own GIFs where something else goes on beside: files put back, other engines, several packs, kills."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from inference import catalogue
from inference.catalogue import GifChange, OwnGifs
from inference.engine import Engine
from inference.errors import CatalogueError, UnknownGifError
from inference.fingerprints import KIND
from inference.follow import Follower
from inference.protocol import ReactRequest
from tests.inference.test_own_gifs import GUILD, OTHER, PATIENCE_S, names, new_gif, opened, own, place

__all__ = ["opened", "own", "place"]


def mine(engine: Engine, scope: str = "") -> list[str]:
    return [name for name in names(engine, "dance", scope, 60) if name.startswith("mine")]


def test_engines_that_know_other_words_of_a_gif_share_no_rankings(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    gif = own.add(new_gif(1))
    before = opened()
    own.edit("", gif.id, GifChange(tags=["sad", "tears"], categories=["cry"]))
    assert opened().fingerprint != before.fingerprint


def test_engines_one_of_which_lacks_a_gif_of_the_graph_share_no_rankings(
    own: OwnGifs, tiny_bundle: Path, tiny_pack: Path, place: Path
) -> None:
    for number in range(30):
        own.add(new_gif(number))
    before = Engine.open(tiny_bundle, [tiny_pack], place, exact_limit=20)
    own.remove("", own.find("", "mine 7").id)
    after = Engine.open(tiny_bundle, [tiny_pack], place, exact_limit=20)
    assert after.stock.rows == before.stock.rows
    assert after.fingerprint != before.fingerprint


def test_a_gif_of_a_pack_that_was_exported_comes_once(
    own: OwnGifs, tiny_bundle: Path, tiny_pack: Path, place: Path, tmp_path: Path
) -> None:
    gif, packs = own.add(new_gif(1)), [tiny_pack, tmp_path / "out"]
    catalogue.export(own, "", "", tmp_path / "out")
    engine = Engine.open(tiny_bundle, packs, place)
    liked = ReactRequest(text="so sad", k=3, shifts={gif.id: 1.0})
    assert mine(engine) == ["mine 1"]
    assert [reaction.id for reaction in engine.answer(liked).reactions].count(gif.id) == 1
    own.edit("", gif.id, GifChange(name="mine too"))
    engine = engine.renewed(own)
    assert mine(engine) == mine(engine, GUILD) == ["mine too"]
    own.remove("", gif.id)
    assert mine(engine.renewed(own)) == mine(Engine.open(tiny_bundle, packs, place)) == ["mine 1"]


def test_ids_lead_to_what_a_scope_sees_of_them(
    own: OwnGifs, tiny_bundle: Path, tiny_pack: Path, place: Path, tmp_path: Path
) -> None:
    for scopes in (("",), ("", GUILD), (GUILD, OTHER), ("", GUILD, OTHER), (OTHER,)):
        gif = new_gif(len(own.gifs()))
        for scope in scopes:
            own.add(msgspec.structs.replace(gif, scope=scope, takes_alike=True))
        if scopes == ("", GUILD):
            catalogue.export(own, "", "", tmp_path / "out")
    packs = [tiny_pack, tmp_path / "out"]
    opened = Engine.open(tiny_bundle, packs, place, exact_limit=20)
    for scope in ("", GUILD):
        own.remove(scope, own.gifs(scope)[0].id)
        own.edit(scope, own.gifs(scope)[-1].id, GifChange(name="mine anew"))
    for engine in (opened, opened.renewed(own), Engine.open(tiny_bundle, packs, place)):
        holdings = engine.stock.picker.holdings
        ids = [gif.entry.id for gif in holdings.gifs]
        for scope in ("", GUILD, OTHER, "discord:3"):
            seen = {ids[row]: row for row in holdings.visible(scope)}
            assert len(seen) == len(holdings.visible(scope))
            assert {name: row for name in ids if (row := holdings.row_of(scope, name)) is not None} == seen


def test_a_like_moves_the_own_gif_of_the_server_that_likes_it(
    own: OwnGifs, opened: Callable[[], Engine]
) -> None:
    ours, shared = own.add(new_gif(1, scope=GUILD)), own.add(new_gif(2))
    theirs = own.add(new_gif(3, scope=OTHER))
    engine = opened()
    for gif in (ours, shared):
        liked = ReactRequest(text="you", k=1, scope=GUILD, shifts={gif.id: 1.0, theirs.id: 1.0})
        assert [reaction.id for reaction in engine.answer(liked).reactions] == [gif.id]


def test_an_older_file_that_was_put_back_takes_away_what_it_lacks(
    own: OwnGifs, opened: Callable[[], Engine], tmp_path: Path
) -> None:
    own.add(new_gif(1))
    own._db.execute("VACUUM INTO ?", (str(tmp_path / "backup.sqlite"),))
    own.add(new_gif(2))
    engine = opened()
    with OwnGifs(tmp_path / "backup.sqlite") as older:
        assert mine(engine.renewed(older)) == ["mine 1"]


def test_a_follower_goes_on_with_the_file_that_took_the_place_of_another(
    own: OwnGifs, opened: Callable[[], Engine], place: Path, tmp_path: Path
) -> None:
    with OwnGifs(tmp_path / "new" / place.name) as other:
        other.add(new_gif(2))  # the same revision, another GIF
        other.folder.rename(tmp_path / "theirs")
    own.add(new_gif(1))
    serving, swapped, asked = [opened()], threading.Event(), threading.Semaphore(0)

    def engine() -> Engine:
        asked.release()
        return serving[0]

    def swap(old: Engine, new: Engine) -> None:
        serving[0] = new
        swapped.set()

    follower = Follower(place, engine, swap, every_s=0.01)
    follower.start()
    try:
        assert asked.acquire(timeout=PATIENCE_S)  # it has the old file open
        for path in place.parent.glob("catalogue.sqlite*"):
            path.unlink()
        (tmp_path / "new" / place.name).replace(place)
        for file in (tmp_path / "theirs").glob("*/*"):
            kept = own.folder / file.relative_to(tmp_path / "theirs")
            kept.parent.mkdir(exist_ok=True)
            file.replace(kept)
        assert swapped.wait(PATIENCE_S)
        assert mine(serving[0]) == ["mine 2"]
        swapped.clear()
        with OwnGifs(place) as now:
            now.add(new_gif(3))
        assert swapped.wait(PATIENCE_S)
    finally:
        follower.close()
    assert mine(serving[0]) == ["mine 2", "mine 3"]


def test_a_follower_makes_no_file_where_one_is_gone(opened: Callable[[], Engine], place: Path) -> None:
    engine = opened()
    follower = Follower(place, lambda: engine, lambda old, new: None)
    for path in place.parent.glob("catalogue.sqlite*"):
        path.unlink()
    with pytest.raises(CatalogueError, match="is gone"):
        follower._opened()
    assert not place.exists()


def test_a_full_disk_is_called_by_its_name_and_leaves_the_file_free(own: OwnGifs) -> None:
    own.add(new_gif(1))
    pages = own._db.execute("PRAGMA page_count").fetchone()[0]
    own._db.execute(f"PRAGMA max_page_count = {pages}")
    large = msgspec.structs.replace(new_gif(2), vector=np.zeros(100_000, np.float32), model="m")
    with pytest.raises(CatalogueError, match="full"):
        own.add(large)
    assert catalogue.check(own) == []
    assert not own._db.in_transaction
    own._db.execute("PRAGMA max_page_count = 100000")
    assert own.add(new_gif(10_000)).revision == own.revision()


def test_a_tombstone_says_nothing_of_what_was_there(own: OwnGifs) -> None:
    gif = own.add(new_gif(1, scope=GUILD, pack="secret"))
    own.remove(GUILD, gif.id)
    left = own._db.execute("SELECT * FROM own_gifs").fetchone()
    assert [value for value in left if isinstance(value, str | bytes) and value] == [GUILD, gif.id, KIND]


def test_names_are_found_however_they_are_written(own: OwnGifs) -> None:
    gif = own.add(new_gif(1, scope=GUILD))
    own.edit(GUILD, gif.id, GifChange(name="Ärger am Fluß"))
    assert own.find(GUILD, "ÄRGER AM FLUSS").id == gif.id
    with pytest.raises(UnknownGifError):
        own.find(GUILD, "\udcffrger")


def test_a_damaged_line_is_told_in_a_sentence(own: OwnGifs, opened: Callable[[], Engine]) -> None:
    own.add(new_gif(1))
    own._db.execute("UPDATE own_gifs SET entry = ?", (b"{}",))
    with pytest.raises(CatalogueError, match="cannot be used"):
        opened()


def test_a_file_that_is_on_its_way_in_is_no_stray(
    own: OwnGifs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added, strays = own.add(new_gif(1)), own.files.strays
    stray = own.files.write(new_gif(3).data)

    def meanwhile(known: set[str]) -> list[str]:
        if len(known) == 1:
            with OwnGifs(place) as other:
                other.add(new_gif(2))
        return list(strays(known))

    monkeypatch.setattr(own.files, "strays", meanwhile)
    assert [stray in sentence for sentence in catalogue.check(own)] == [True]
    own.path(added).unlink()
    assert [sentence for sentence in catalogue.check(own) if "unusable" in sentence and "mine 1" in sentence]


def test_a_file_that_cannot_be_removed_is_left_over_only(
    own: OwnGifs, monkeypatch: pytest.MonkeyPatch
) -> None:
    gif = own.add(new_gif(1))

    def refuse(name: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(own.files, "remove", refuse)
    assert own.remove("", gif.id) == gif
    assert own.gifs() == []
    assert [gif.entry.file in sentence for sentence in catalogue.check(own)] == [True]
