"""Own GIFs are found by what is said of them, among the shipped pack and with the shipped model."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from inference.catalogue import GifChange, NewGif, OwnGifs, identity
from inference.encoders import TextEncoder
from inference.engine import Engine
from inference.fingerprints import BYTES
from inference.frames import read_frames
from inference.fusion import OwnEmbedder
from inference.holdings import SHARED
from inference.pack import PackGif, read_pack
from inference.protocol import ReactRequest
from inference.said import LIFT, Tags
from inference.wording import make_alt_text

ROOT = Path(__file__).parents[2]
HOUSE, FLUENT = ROOT / "assets" / "models" / "house", ROOT / "assets" / "packs" / "fluent"
GUILD = "discord:1"


class Shelf:
    """The shipped pack, and GIFs that somebody added with one of its pictures."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "catalogue.sqlite"
        self.engine = Engine.open(HOUSE, [FLUENT], self.place)
        self.own = OwnGifs(self.place)
        self._picture = FLUENT / read_pack(FLUENT).gifs[7].file
        self._embedder = OwnEmbedder(self.engine.bundle, TextEncoder(self.engine.bundle))

    def add(self, name: str, *tags: str, scope: str = SHARED) -> PackGif:
        data = self._picture.read_bytes() + name.encode()
        frames = read_frames(self._picture, 4)
        entry = PackGif(
            id=identity(data),
            file="",
            name=name,
            categories=[],
            tags=list(tags),
            alt_text=make_alt_text(name, tags),
            licence="unknown",
            made_up=["categories", "alt_text"],
        )
        entry = msgspec.structs.replace(entry, categories=self._embedder.categories(frames, entry))
        look = np.random.default_rng(len(name)).integers(0, 256, BYTES, np.uint8)
        new = NewGif(
            scope=scope, pack="own", entry=entry, origin=name, data=data, fingerprint=look, takes_alike=True
        )
        self.own.add(new)
        self.engine = self.engine.renewed(self.own)
        return entry

    def place_of(self, name: str, message: str, scope: str = SHARED) -> int:
        found = self.engine.answer(ReactRequest(text=message, k=30, scope=scope)).reactions
        return next((place for place, gif in enumerate(found, start=1) if gif.name == name), 31)


@pytest.fixture
def shelf(warm_house: Path, tmp_path: Path) -> Iterator[Shelf]:
    for path in warm_house.glob("catalogue.sqlite*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    opened = Shelf(tmp_path)
    yield opened
    opened.own.close()


@pytest.fixture(scope="module")
def warm_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    Engine.open(HOUSE, [FLUENT], folder / "catalogue.sqlite")
    return folder


def test_the_example_of_the_readme_works(shelf: Shelf) -> None:
    shelf.add("party", "friday", "weekend")
    assert shelf.place_of("party", "finally friday") == 1


def test_a_tag_that_is_said_brings_its_gif_first_whatever_it_shows(shelf: Shelf) -> None:
    shelf.add("parrot", "our parrot learned to bark", scope=GUILD)
    assert shelf.place_of("parrot", "Our parrot learned to bark!", GUILD) == 1
    assert shelf.place_of("parrot", "believe it or not, our parrot learned to bark today", GUILD) == 1
    assert shelf.place_of("parrot", "Our parrot learned to bark!", "discord:2") == 31


def test_a_word_in_passing_does_not_push_others_away(shelf: Shelf) -> None:
    before = shelf.engine.answer(ReactRequest(text="can we move the meeting from friday to monday")).reactions
    shelf.add("party", "friday")
    after = shelf.engine.answer(ReactRequest(text="can we move the meeting from friday to monday")).reactions
    assert after[0].id == before[0].id


def test_the_right_kind_is_found_by_free_words_and_by_meaning(shelf: Shelf) -> None:
    shelf.add("hooray", "celebrate good times", "we won the cup")
    assert shelf.place_of("hooray", "WE WON THE CUP") == 1
    assert shelf.place_of("hooray", "so happy, we won the finals!!") <= 10
    assert shelf.place_of("hooray", "my grandmother died last night") > 10


def test_what_was_made_up_follows_new_tags(shelf: Shelf) -> None:
    first = shelf.add("number nine", "friday", "weekend")
    shelf.own.edit(SHARED, first.id, GifChange(tags=["celebrate good times", "hooray", "we won"]))
    shelf.engine = shelf.engine.renewed(shelf.own)
    changed = shelf.own.find(SHARED, first.id).entry
    assert changed.categories == ["celebrate"] != first.categories
    assert changed.alt_text == "Number nine (celebrate good times, hooray, we won)."
    assert shelf.place_of("number nine", "we won") == 1
    revision = shelf.own.revision()
    assert Engine.open(HOUSE, [FLUENT], shelf.place).revision == revision
    shelf.own.edit(SHARED, first.id, GifChange(alt_text="A nine dances.", categories=["hug"]))
    shelf.own.edit(SHARED, first.id, GifChange(tags=["nine lives"]))
    shelf.engine = shelf.engine.renewed(shelf.own)
    kept = shelf.own.find(SHARED, first.id).entry
    assert (kept.alt_text, kept.categories, kept.made_up) == ("A nine dances.", ["hug"], [])


def test_lifts_grow_with_what_the_tag_is_of_the_message() -> None:
    entry = read_pack(FLUENT).gifs[0]
    tagged = msgspec.structs.replace(entry, name="GIF", tags=["Ship it!", "it", "🚀"])
    lifts = Tags().extended([(GUILD, 4, tagged)]).lifts
    whole = lifts("ship it", [GUILD])
    assert whole == {4: LIFT}
    assert lifts("please ship it now", [GUILD]) == {4: LIFT / 2}
    assert lifts("rocket", [GUILD]) == {4: LIFT}
    for message, scopes in (("ship it", [SHARED, "discord:2"]), ("gif", [GUILD]), ("", [GUILD])):
        assert lifts(message, scopes) == {}
