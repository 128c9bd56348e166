"""`repartee describe` and `repartee gifs describe` as a person uses them, with a tiny captioner."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from tests import tiny
from tests.bot.console import Cli
from tests.bot.processes import copied_catalogue
from tests.tiny_captioner import make_captioner

COLOURS = {"red": (250, 0, 0), "blue": (0, 0, 250), "grey": (90, 90, 90)}


@pytest.fixture(scope="module")
def captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_captioner(tmp_path_factory.mktemp("captioner"))


@pytest.fixture
def files(captioner: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of pictures; the captioner is set."""
    monkeypatch.setenv("REPARTEE_CAPTIONER", str(captioner))
    folder = tmp_path / "files"
    folder.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (40, 30), colour).save(folder / f"{name}.png")
    (folder / "bad.gif").write_text("no picture")
    return folder


def test_one_file_gives_the_bare_sentence(cli: Cli, files: Path) -> None:
    assert cli("describe", files / "red.png") == (0, "Red blocks move.\n", "")
    assert cli("describe", files / "blue.png", "--beam", 3).out == "Blue blocks move.\n"


def test_of_an_animation_the_middle_is_described(cli: Cli, files: Path) -> None:
    frames = [Image.new("RGB", (20, 20), COLOURS[name]) for name in ("blue", "red", "blue")]
    frames[0].save(files / "turn.gif", save_all=True, append_images=frames[1:], duration=100)
    assert cli("describe", files / "turn.gif").out == "Red blocks move.\n"


def test_several_files_give_a_line_each_and_what_is_wrong_with_others(cli: Cli, files: Path) -> None:
    red, bad = files / "red.png", files / "bad.gif"
    done = cli("describe", *[red] * 9, files / "blue.png", bad, files / "none.gif", files)
    assert done.code == 1
    assert done.out == f"{red}: Red blocks move.\n" * 9 + f"{files / 'blue.png'}: Blue blocks move.\n"
    unreadable, missing, folder = done.err.splitlines()
    assert unreadable.startswith(f"{bad} is no picture that can be read")
    assert missing == f"There is no file {files / 'none.gif'}."
    assert folder.startswith(f"{files} is a folder")


def test_what_is_broken_huge_or_no_file_costs_the_others_nothing(cli: Cli, files: Path) -> None:
    huge, pipe, torn, thin = (files / name for name in ("huge.png", "pipe.png", "torn.jpg", "thin.png"))
    Image.new("1", (9400, 9400)).save(huge)
    os.mkfifo(pipe)
    Image.new("RGB", (1, 20_000), COLOURS["red"]).save(thin)
    pictures = [Image.new("RGB", (20, 20), colour) for colour in COLOURS.values()]
    pictures[0].save(torn, "MPO", save_all=True, append_images=pictures[1:])
    torn.write_bytes(torn.read_bytes()[: 3 * torn.stat().st_size // 4])
    done = cli("describe", huge, pipe, torn, thin, files / "red.png")
    assert (done.code, done.out) == (1, f"{files / 'red.png'}: Red blocks move.\n")
    first, second, third, fourth = done.err.splitlines()
    assert first.startswith(f"{huge}: It has 9400 x 9400 pixels")
    assert second.startswith(f"{pipe} is no regular file")
    assert third.startswith(f"{torn} ")
    assert "finds no words" in fourth


def test_a_captioner_that_does_not_run_is_said_in_a_sentence(
    cli: Cli, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = make_captioner(files / "broken")
    description = json.loads((broken / "bundle.json").read_text())
    description["image"]["size"] = 8
    (broken / "bundle.json").write_text(json.dumps(description))
    monkeypatch.setenv("REPARTEE_CAPTIONER", "~/broken")
    monkeypatch.setenv("HOME", str(files))
    for command in (("describe", files / "red.png"), ("gifs", "describe")):
        done = cli(*command)
        assert (done.code, done.out) == (2, "")
        [line] = done.err.splitlines()
        assert line.startswith(f"The captioner in {broken} does not run")


def test_where_the_captioner_is_unsure_it_says_so_and_that_is_no_failure(cli: Cli, files: Path) -> None:
    done = cli("describe", files / "grey.png")
    assert (done.code, done.out) == (0, "")
    assert "finds no words" in done.err


def test_json_has_an_object_a_line(cli: Cli, files: Path) -> None:
    grey, bad, red = files / "grey.png", files / "bad.gif", files / "red.png"
    done = cli("describe", grey, bad, red, "--json")
    assert (done.code, done.err) == (1, "")
    first, second, third = map(json.loads, done.out.splitlines())
    assert first == {"file": str(grey), "caption": ""}
    assert second.keys() == {"file", "error"}
    assert third == {"file": str(red), "caption": "Red blocks move."}


@pytest.mark.parametrize(
    ("setting", "arguments", "sentence"),
    [
        ("", [], "There is no file to describe"),
        ("none", ["a.png"], "There is no captioner"),
        ("", ["a.png"], "There is no captioner"),
        ("nowhere", ["a.png"], "No captioner bundle in nowhere"),
        ("none", ["a.png", "--bundle", "elsewhere"], "No captioner bundle in elsewhere"),
    ],
)
def test_where_nothing_is_begun_one_sentence_says_why(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, setting: str, arguments: list[str], sentence: str
) -> None:
    monkeypatch.setenv("REPARTEE_CAPTIONER", setting)
    done = cli("describe", *arguments)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert len(done.err.splitlines()) == 1


def test_another_captioner_goes_before_the_one_that_is_set(
    cli: Cli, files: Path, captioner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_CAPTIONER", "nowhere")
    assert cli("describe", files / "red.png", "--bundle", captioner).out == "Red blocks move.\n"


def test_help_teaches_by_examples(cli: Cli) -> None:
    assert "repartee describe *.gif --json" in cli("describe", "--help").out
    assert "repartee gifs describe --pack memes" in cli("gifs", "describe", "--help").out


def test_gifs_that_were_added_without_a_captioner_get_captions_later(
    cli: Cli, files: Path, warm_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = files / "data"
    data.mkdir()
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(copied_catalogue(warm_data, data)))
    tiny.draw_gif(files / "happy dance.gif", COLOURS["red"])
    tiny.draw_gif(files / "party.gif", COLOURS["grey"], shade=1)
    monkeypatch.setenv("REPARTEE_CAPTIONER", str(files / "nowhere"))
    skipped = [f"--skip={stage}" for stage in ("duplicate", "text", "rating")]
    added = cli("gifs", "add", files / "happy dance.gif", files / "party.gif", *skipped, "--processes", 1)
    assert (added.code, added.out) == (0, "2 added, 0 refused, 0 already there.\n")
    assert added.err.count("No captioner bundle in") == 1
    assert cli("gifs", "describe").code == 2
    monkeypatch.setenv("REPARTEE_CAPTIONER", str(make_captioner(files / "captioner")))
    assert cli("gifs", "describe").out == "1 of 2 GIFs have another caption now.\n"
    shown = json.loads(cli("gifs", "show", "happy dance", "--json").out)
    assert (shown["caption"], shown["alt_text"]) == ("Red blocks move.", "Red blocks move (happy dance).")
    assert cli("gifs", "edit", "happy dance", "--alt", "").code == 0
    assert cli("gifs", "describe", "--again").out == "0 of 2 GIFs have another caption now.\n"
    assert "no pack" in cli("gifs", "describe", "--pack", "none").err
    Path(shown["file"]).write_bytes(b"torn")
    broken = cli("gifs", "describe", "--again")
    assert (broken.code, broken.err.startswith(f'"happy dance" ({shown["id"][:8]}): ')) == (1, True)
