"""GIFs that go in get a caption, and each has an alt text, whatever is known of it and whatever breaks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from inference.catalogue import GifChange, OwnGif, OwnGifs
from inference.errors import BundleError, PackError
from inference.ingest import Ingestor, Options, Outcome, Stage, Submission
from inference.ingest._caption import make_name
from inference.ingest._pool import Pool
from inference.ingest._trial import open_captioner
from inference.pack import read_pack
from inference.vectors import describe
from inference.wording import ALT_CHARACTERS, fitted_alt_text, make_alt_text, shortened
from tests import tiny
from tests.tiny_captioner import make_captioner

QUICK = Options(skipped=frozenset({Stage.TEXT, Stage.RATING, Stage.DUPLICATE}))
RED, GREY = (230, 0, 0), (120, 120, 120)
ODD_CHILD = (sys.executable, "-P", str(Path(__file__).with_name("odd_child.py")))


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_captioner(tmp_path_factory.mktemp("captioner"))


def drawn(path: Path, colour: tuple[int, int, int]) -> Submission:
    tiny.draw_gif(path, colour)
    return Submission(path=str(path), label=path.name, scope=f"test:{path.stem}")


def gif_of(outcome: Outcome) -> OwnGif:
    assert outcome.gif is not None, outcome.text
    return outcome.gif


def test_what_a_gif_shows_is_said_where_nobody_said_it(
    tiny_bundle: Path, captioner: Path, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.sqlite"
    with Ingestor(catalogue, tiny_bundle, QUICK, processes=1, captioner=captioner) as ingestor:
        seen = ingestor.take_in(drawn(tmp_path / "IMG_1.gif", RED))
        unsure = ingestor.take_in(drawn(tmp_path / "IMG_2.gif", GREY))
        said = Submission(path=str(tmp_path / "IMG_1.gif"), label="IMG_3.gif", name="  ", alt_text=" \n")
        blanked = ingestor.take_in(said)
    first, second, third = (gif_of(outcome) for outcome in (seen, unsure, blanked))
    assert (first.entry.caption, first.entry.name) == ("Red blocks move.", "Red blocks move")
    assert first.entry.alt_text == "Red blocks move."
    assert (second.entry.caption, second.entry.name) == ("", "GIF")
    assert second.entry.alt_text == "An animated picture."
    assert third.entry.made_up == ["name", "categories", "alt_text"]
    with OwnGifs(catalogue) as own:
        own.edit(third.scope, third.id, GifChange(alt_text="Blocks of ours."))
        kept = own.edit(third.scope, third.id, GifChange(tags=["monday"]))
        assert kept.entry.alt_text == "Blocks of ours."
        emptied = own.edit(third.scope, third.id, GifChange(alt_text=" "))
        assert emptied.entry.alt_text == "Red blocks move (monday)."
        followed = own.edit(third.scope, third.id, GifChange(tags=["sunday"]))
        assert followed.entry.alt_text == "Red blocks move (sunday)."


def test_a_broken_captioner_costs_the_caption_and_is_told(tiny_bundle: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    with (
        capture_logs() as logs,
        Ingestor(tmp_path / "c.sqlite", tiny_bundle, QUICK, processes=1, captioner=broken) as ingestor,
    ):
        outcome = ingestor.take_in(drawn(tmp_path / "happy dance.gif", RED))
    assert gif_of(outcome).entry.alt_text == "Happy dance."
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert f"No captioner bundle in {broken}" in warning["reason"]
    [note] = [stage.note for stage in outcome.stages if stage.stage is Stage.CAPTION]
    assert "without a caption" in note


def test_a_captioner_that_fails_at_gifs_costs_their_captions_and_is_told_once(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    dim = make_captioner(tmp_path / "dim", fails_at_light=True)
    with (
        capture_logs() as logs,
        Ingestor(tmp_path / "c.sqlite", tiny_bundle, QUICK, processes=1, captioner=dim) as ingestor,
    ):
        outcomes = [ingestor.take_in(drawn(tmp_path / name, RED)) for name in ("hug.gif", "party.gif")]
    assert [gif_of(outcome).entry.alt_text for outcome in outcomes] == ["Hug.", "Party."]
    [warning] = [entry for entry in logs if entry["log_level"] == "warning"]
    assert "The captioner fails at GIFs" in warning["reason"]
    assert all("without a caption" in stage.note for stage in outcomes[1].stages if stage.stage == "caption")


def test_a_captioner_that_ends_the_process_at_loading_is_named_and_left_out() -> None:
    pool = Pool(Path("fine"), Options(), 1, captioner=Path("fatal"), command=ODD_CHILD)
    try:
        with capture_logs() as logs:
            done = pool.work(Submission(path="none", label="fine"), lambda stage: None, lambda look: True)
    finally:
        pool.close()
    assert done.entry.name == "fine"
    [reason] = [entry["reason"] for entry in logs]
    assert f"The captioner in {Path('fatal').resolve()} brought the process down" in reason


def test_what_is_edited_while_an_engine_makes_vectors_stays(
    tiny_bundle: Path, captioner: Path, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue.sqlite"
    with Ingestor(catalogue, tiny_bundle, QUICK, processes=1, captioner=captioner) as ingestor:
        seen = gif_of(ingestor.take_in(drawn(tmp_path / "IMG_1.gif", RED)))
    with OwnGifs(catalogue) as own:
        own.edit(seen.scope, seen.id, GifChange(rating="r", alt_text="By hand."))
        own.settle(seen, ["win"], "model", np.ones(2, np.float32))
        kept = own.find(seen.scope, seen.id).entry
        assert (kept.rating, kept.alt_text, kept.categories) == ("r", "By hand.", ["win"])
        assert kept.made_up == ["name", "categories"]
        renamed = own.edit(seen.scope, seen.id, GifChange(caption="A dog runs."))
        assert renamed.entry.name == "A dog runs"
        assert describe(renamed.entry) == ""
        said = own.edit(seen.scope, seen.id, GifChange(name="rex", alt_text="."))
        assert said.entry.alt_text == "A dog runs (rex)."
        assert own.edit(seen.scope, seen.id, GifChange(name="\u200b", caption="It hops.")).entry.name == "rex"


def test_what_children_find_wrong_is_told_once() -> None:
    pool = Pool(Path("odd"), Options(), 2, command=ODD_CHILD)
    try:
        with capture_logs() as logs:
            children = [pool._start(), pool._start()]
    finally:
        pool.close()
    assert [child.remarks for child in children] == [["Something is odd."]] * 2
    assert [entry["reason"] for entry in logs] == ["Something is odd."]


def test_a_captioner_that_does_not_run_is_found_when_it_is_opened(captioner: Path, tmp_path: Path) -> None:
    for file in captioner.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    description = json.loads((tmp_path / "bundle.json").read_text())
    description["image"]["size"] = 8
    (tmp_path / "bundle.json").write_text(json.dumps(description))
    with pytest.raises(BundleError, match=r"does not run .*REPARTEE_CAPTIONER"):
        open_captioner(tmp_path)


@pytest.mark.parametrize(
    ("known", "alt_text"),
    [
        ({}, "An animated picture."),
        ({"name": "GIF", "tags": ["joy"]}, "An animated picture (joy)."),
        ({"name": " \t"}, "An animated picture."),
        ({"name": "hug", "caption": "Two cats hug."}, "Two cats hug."),
        (
            {"name": "our cats", "tags": ["hug", "friday"], "caption": "Two dogs hug."},
            "Two dogs hug (our cats, friday).",
        ),
        (
            {"name": "OH YES", "text": "OH YES", "caption": "A man shouts."},
            'A man shouts. Text in the picture: "OH YES".',
        ),
        (
            {"name": "happy dance", "caption": "."},
            "Happy dance.",
        ),
        (
            {"name": "\u200b", "tags": ["art", "...", "\U0001f389", "\U0001f44d"], "caption": "A party."},
            "A party (art, \U0001f389, \U0001f44d).",
        ),
        (
            {"name": "joy party", "tags": ["joy", "party"], "caption": "It\n spins!"},
            "It spins! (joy, party).",
        ),
    ],
)
def test_an_alt_text_is_made_of_all_that_is_known(known: dict[str, Any], alt_text: str) -> None:
    assert make_alt_text(**({"name": ""} | known)) == alt_text


def test_a_caption_is_the_last_that_a_name_is_made_of() -> None:
    assert make_name("IMG_1.gif", [], "OH NO", "A man shouts.") == "OH NO"
    assert make_name("IMG_1.gif", [], "", "A man shouts.") == "A man shouts"


@pytest.mark.parametrize("word", ["word ", "\u4f60\u597d"])
def test_an_alt_text_fits_and_is_never_empty(word: str) -> None:
    long = fitted_alt_text(word * 600, "x", ALT_CHARACTERS)
    assert ALT_CHARACTERS - 5 <= len(long) <= ALT_CHARACTERS
    assert long.removesuffix("…").strip() == (word * 600)[: len(long) - 1].strip()
    for nothing in (" \n", ".", "\u200b", "\u2800"):
        assert fitted_alt_text(nothing, "mic drop", 100) == "Mic drop."
    assert make_alt_text("x", ["tag"], "OH NO", word * 600).endswith('… Text in the picture: "OH NO".')
    assert shortened("A " + "x" * 50, 20, "…") == "A " + "x" * 17 + "…"


def test_a_blank_alt_text_in_a_pack_is_refused(tiny_pack: Path, tmp_path: Path) -> None:
    line = json.loads((tiny_pack / "manifest.jsonl").read_text().splitlines()[0])
    (tmp_path / "manifest.jsonl").write_text(json.dumps(line | {"alt_text": " \u200b.\n"}))
    with pytest.raises(PackError, match=r"line 1: the alt_text says nothing"):
        read_pack(tmp_path)
