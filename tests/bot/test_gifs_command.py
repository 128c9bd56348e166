"""`repartee gifs` as a person uses it: the files are real, the model is tiny."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from inference.catalogue import OwnGifs, check
from tests.bot.console import Cli, Outcome, names
from tests.bot.drawing import draw
from tests.bot.processes import command, copied_catalogue, run, tiny_environment

GUILD, TEAM = "discord:1234", "slack:T99"
MANY = 8


@pytest.fixture
def data(cli: Cli, warm_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the data folder of this test, whose catalogue knows the tiny pack."""
    folder = tmp_path / "data"
    folder.mkdir()
    copied_catalogue(warm_data, folder)
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "files"


def objects(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.out.splitlines()]


def listed(cli: Cli, *options: str) -> list[str]:
    return [gif["name"] for gif in objects(cli("gifs", "list", "--json", *options))]


def test_a_file_is_added_shown_and_found_by_its_tags(cli: Cli, data: Path, files: Path) -> None:
    party = draw(files / "party.gif", 1)
    words = ("--tags", "tears,sad", "--categories", "Cry", "--alt", "Cells weep.", "--licence", "CC0-1.0")
    added = cli("gifs", "add", party, "--pack", "weekend", "--name", "My party", *words)
    assert (added.code, added.out) == (0, "1 added, 0 refused, 0 already there.\n")
    table = cli("gifs", "list")
    assert "My party" in table.out
    assert "everybody" in table.out
    assert "1 GIF, " in table.out
    [gif] = objects(cli("gifs", "show", "my PARTY", "--json"))
    assert (gif["pack"], gif["scope"], gif["categories"]) == ("weekend", "", ["cry"])
    assert (gif["tags"], gif["alt_text"], gif["licence"]) == (["tears", "sad"], "Cells weep.", "CC0-1.0")
    assert Path(gif["file"]).stat().st_size == gif["bytes"]
    shown = cli("gifs", "show", gif["id"][:6])
    assert "Cells weep." in shown.out
    assert gif["file"] in shown.out
    ranked = json.loads(cli("react", "tears", "-k", 50, "--json").out)
    assert gif["file"] in [one["file"] for one in ranked["gifs"]]


def test_a_folder_goes_in_with_all_below_it_but_hidden_and_other_files(
    cli: Cli, data: Path, files: Path
) -> None:
    for number, name in enumerate(["b.gif", "a.gif", "deep/er/c.gif", ".hidden.gif", ".git/d.gif"]):
        draw(files / name, number)
    (files / "notes.txt").write_text("no picture")
    first = cli("gifs", "add", files, "--json", "--processes", 1)
    assert first.code == 0
    assert "Left out: 1 " in first.err
    assert "3 added" in first.err
    added = objects(first)
    assert {Path(line["label"]).name for line in added} == {"a.gif", "b.gif", "c.gif"}
    assert {line["status"] for line in added} == {"added"}
    again = cli("gifs", "add", files)
    assert (again.code, again.out) == (0, "0 added, 0 refused, 3 already there.\n")
    assert sorted(listed(cli)) == sorted(line["name"] for line in added)


def test_good_files_go_in_whatever_the_bad_ones_are(cli: Cli, data: Path, files: Path) -> None:
    good = draw(files / "good.gif", 1)
    shutil.copy(good, files / "good-again.gif")
    (files / "cut.gif").write_bytes(good.read_bytes()[:200])
    (files / "empty.gif").touch()
    (files / "words.gif").write_text("I am no GIF at all")
    with (files / "huge.gif").open("wb") as file:
        file.truncate(31 * 1024 * 1024)
    jpeg = io.BytesIO()
    Image.new("RGB", (50, 50)).save(jpeg, "JPEG")
    (files / "photo.gif").write_bytes(jpeg.getvalue())
    last = draw(files / "z.gif", 2)
    outcome = cli("gifs", "add", files, "--json", "--processes", 2)
    assert outcome.code == 1
    by_name = {Path(line["label"]).name: line for line in objects(outcome)}
    statuses = {name: line["status"] for name, line in by_name.items()}
    assert statuses.pop(good.name) in ("added", "already")
    assert statuses.pop("good-again.gif") in ("added", "already")
    assert statuses.pop(last.name) == "added"
    assert set(statuses.values()) == {"refused"}
    assert all(by_name[name]["code"] and by_name[name]["text"].endswith(".") for name in statuses)
    assert by_name["huge.gif"]["code"] == "too_large"
    assert "30 MiB" in by_name["huge.gif"]["text"]
    assert len(listed(cli)) == 2


def test_people_read_a_line_for_each_refused_file(cli: Cli, data: Path, files: Path) -> None:
    draw(files / "good.gif", 1)
    (files / "words.gif").write_text("I am no GIF at all")
    outcome = cli("gifs", "add", files, "--processes", 1)
    assert outcome.code == 1
    assert outcome.out == "1 added, 1 refused, 0 already there.\n"
    [line] = outcome.err.splitlines()
    assert line.startswith(f"{files / 'words.gif'}: ")


def test_no_name_steers_the_terminal(cli: Cli, data: Path, files: Path) -> None:
    said = ("--tags", "tears,[/b]", "--categories", "cry", "--alt", "It\x1b[5m\u202e weeps.")
    cli("gifs", "add", draw(files / "one.gif", 1), "--name", "[/b] \x1b]0;mine\x07\nfake", *said)
    wild = files / "wild\x1b[2J.gif"
    wild.write_text("no GIF")
    refused = cli("gifs", "add", wild)
    assert refused.err == f"{files}/wild\ufffd[2J.gif: It is no GIF, WebP, PNG or MP4.\n"
    answers = [cli("gifs", "list"), cli("gifs", "show", "[/b]"), cli("react", "tears", "-k", 20), refused]
    answers += [
        cli("gifs", "edit", listed(cli)[0], "--rating", "pg"),
        cli("gifs", "remove", "--yes", listed(cli)[0]),
    ]
    assert [outcome.code for outcome in answers] == [0, 2, 0, 1, 0, 0]
    for outcome in answers:
        assert not {"\x1b", "\x07", "\u202e"} & {*outcome.out, *outcome.err}
    assert "[/b] \ufffd]0;mine\ufffd fake" in answers[0].out
    assert "[/b]" in answers[2].out


def test_names_that_are_no_text_and_words_that_are_no_path_are_refused(
    cli: Cli, data: Path, files: Path
) -> None:
    good = draw(files / "good.gif", 1)
    os.rename(draw(files / "bad.gif", 2), os.fsencode(files) + b"/bad\xff.gif")
    outcome = cli("gifs", "add", files, "--json", "--processes", 1)
    lines = {line["label"]: line for line in objects(outcome)}
    assert outcome.code == 1
    assert lines[str(good)]["status"] == "added"
    assert lines[f"{files}/bad?.gif"]["text"] == "Its name is not valid UTF-8: rename it."
    assert cli("gifs", "add", "data:image/gif;base64," + "A" * 5_000).err.startswith("There is no file data:")


def test_a_gif_that_looks_like_another_is_refused_unless_that_is_skipped(
    cli: Cli, data: Path, files: Path
) -> None:
    first = draw(files / "first.gif", 1)
    second = files / "second.gif"
    with Image.open(first) as animation:
        animation.save(second, save_all=True, comment=b"other bytes", duration=210, loop=0)
    assert cli("gifs", "add", first).code == 0
    refused = cli("gifs", "add", second)
    assert refused.code == 1
    assert "first" in refused.err
    assert cli("gifs", "add", second, "--skip", "duplicate").code == 0
    assert len(listed(cli)) == 2


def test_what_one_server_adds_no_other_one_sees(cli: Cli, data: Path, files: Path) -> None:
    ours, theirs = draw(files / "ours.gif", 1), draw(files / "theirs.gif", 2)
    assert cli("gifs", "add", ours, "--scope", GUILD, "--tags", "tears").code == 0
    assert cli("gifs", "add", theirs, "--scope", TEAM, "--tags", "tears").code == 0
    assert listed(cli, "--scope", GUILD) == ["ours"]
    assert listed(cli, "--scope", TEAM) == ["theirs"]
    assert listed(cli, "--scope", "") == []
    assert listed(cli) == ["ours", "theirs"]
    ranked = json.loads(cli("react", "tears", "-k", 50, "--json").out)
    own = {path.name for path in (data / "gifs").rglob("*.gif")}
    assert len(own) == 2
    assert not own & set(names(ranked))
    assert cli("gifs", "add", ours, "--scope", TEAM).code == 0
    assert cli("gifs", "show", "ours").code == 2
    assert "--scope" in cli("gifs", "show", "ours").err
    assert cli("gifs", "remove", "ours", "--scope", TEAM, "--yes").code == 0
    assert listed(cli) == ["ours", "theirs"]
    assert cli("gifs", "check").code == 0


def test_what_is_said_of_a_gif_can_be_changed(cli: Cli, data: Path, files: Path) -> None:
    cli("gifs", "add", draw(files / "a.gif", 1), "--categories", "dance")
    [before] = objects(cli("gifs", "show", "a", "--json"))
    words = (
        "--tags",
        "haha,haha",
        "--categories",
        "laugh,mic drop",
        "--name",
        "Giggle",
        "--alt",
        "It shakes.",
    )
    changed = cli("gifs", "edit", "a", *words, "--rating", "PG", "--to-pack", "fun")
    assert (changed.code, changed.out) == (0, f'Changed "Giggle" ({before["id"][:8]}).\n')
    [after] = objects(cli("gifs", "show", "giggle", "--json"))
    assert after["categories"] == ["laugh", "mic_drop"]
    assert (after["tags"], after["name"], after["alt_text"]) == (["haha"], "Giggle", "It shakes.")
    assert (after["rating"], after["pack"], after["id"]) == ("pg", "fun", before["id"])
    assert "Nothing to change" in cli("gifs", "edit", "giggle").err


def test_gifs_are_removed_by_name_and_by_pack(cli: Cli, data: Path, files: Path) -> None:
    old = [draw(files / f"gif{number}.gif", number) for number in range(3)]
    cli("gifs", "add", *old, "--pack", "old", "--processes", 1)
    cli("gifs", "add", draw(files / "gif3.gif", 3), "--pack", "keep")
    assert "add --yes" in cli("gifs", "remove", "gif0").err
    removed = cli("gifs", "remove", "gif0", "--yes")
    assert removed.out.startswith('Removed "gif0"')
    wrong = cli("gifs", "remove", "gif1", "nobody", "--yes")
    assert wrong.code == 2
    assert "nobody" in wrong.err
    assert sorted(listed(cli)) == ["gif1", "gif2", "gif3"]
    assert cli("gifs", "remove", "--pack", "old", "--yes").code == 2
    assert cli("gifs", "remove", "--pack", "old", "--all", "--yes").out == "Removed 2 GIFs.\n"
    assert listed(cli) == ["gif3"]
    assert len(list((data / "gifs").rglob("*.gif"))) == 1


def test_an_exported_pack_answers_elsewhere(
    cli: Cli, data: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("gifs", "add", draw(files / "a.gif", 1), "--categories", "dance", "--tags", "party")
    cli("gifs", "add", draw(files / "b.gif", 2), "--categories", "cry", "--scope", GUILD)
    target = tmp_path / "exported"
    assert cli("gifs", "export", target).out.startswith("1 GIFs are in ")
    assert cli("gifs", "export", target).code == 2
    assert cli("gifs", "export", "--pack", "none", tmp_path / "other").code == 2
    monkeypatch.setenv("REPARTEE_PACKS", str(target))
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "elsewhere"))
    ranked = json.loads(cli("react", "party", "--json").out)
    assert [gif["categories"] for gif in ranked["gifs"]] == [["dance"]]
    assert Path(ranked["gifs"][0]["file"]).is_relative_to(target)


def test_check_names_what_is_wrong(
    cli: Cli, data: Path, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("gifs", "add", draw(files / "cat.gif", 1), draw(files / "dog.gif", 2), "--processes", 1)
    sound = cli("gifs", "check")
    assert sound.code == 0
    assert "2 own GIFs and 12 of the packs" in sound.out
    [damaged, lost] = sorted((data / "gifs").rglob("*.gif"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    lost.unlink()
    monkeypatch.setenv("REPARTEE_PACKS", str(files / "none"))
    broken = cli("gifs", "check")
    assert broken.code == 1
    assert '"cat"' in broken.out
    assert '"dog"' in broken.out
    assert "No pack in" in broken.out
    assert "3 problems." in broken.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "{gif}", "--categories", "dnace"], 'There is no category "dnace": did you mean dance?'),
        (["add", "{gif}", "--categories", "xyzzy"], "There are: laugh, agree"),
        (["add", "{gif}", "--categories", "cry,hug,dance,laugh"], "3 categories at most"),
        (["add", "{gif}", "--scope", "guild"], "discord:GUILD"),
        (["add", "{gif}", "--pack", "../up"], "no name for a pack"),
        (["add", "{gif}", "--skip", "store"], "duplicate, flash, text, rating"),
        (["add", "{gif}", "nowhere.gif"], "There is no file nowhere.gif"),
        (["add", "{gif}", "{folder}", "--name", "both"], "--name goes with one file"),
        (["add", "{empty}"], "There is no GIF, WebP, PNG or MP4 in"),
        (["show", "nobody"], '"nobody"'),
        (["edit", "nobody", "--tags", "x"], '"nobody"'),
        (["edit", "x", "--rating", "nc-17"], "g, pg, pg-13, r"),
        (["edit", "x", "--categories", ","], "at least one category"),
        (["edit", "x", "--name", " "], "--name must not be empty"),
        (["remove", "--yes"], "Name the GIFs"),
        (["remove", "x", "--pack", "y", "--all"], "not both"),
        (["remove", "--pack", "none", "--all", "--yes"], 'There is no pack "none"'),
        (["export", "{empty}"], "nothing to export"),
    ],
)
def test_slips_are_explained_before_anything_happens(
    arguments: list[str], said: str, cli: Cli, data: Path, files: Path, tmp_path: Path
) -> None:
    draw(files / "in" / "one.gif", 1)
    draw(files / "in" / "two.gif", 2)
    (tmp_path / "empty").mkdir()
    places = {"gif": files / "in" / "one.gif", "folder": files / "in", "empty": tmp_path / "empty"}
    outcome = cli("gifs", *(one.format(**places) for one in arguments))
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""
    assert listed(cli) == []


def test_links_to_this_host_are_refused(cli: Cli, data: Path, files: Path) -> None:
    urls = ["http://127.0.0.1/a.gif", "http://localhost/a.gif", "http://[::1]/a.gif"]
    outcome = cli("gifs", "add", *urls, draw(files / "good.gif", 1), "--json", "--processes", 1)
    assert outcome.code == 1
    *refused, added = objects(outcome)
    assert [(line["label"], line["status"], line["code"]) for line in refused] == [
        (url, "refused", "url") for url in urls
    ]
    assert added["status"] == "added"


def test_an_empty_list_says_how_to_begin(cli: Cli, data: Path) -> None:
    outcome = cli("gifs", "list", "--scope", GUILD)
    assert outcome.out == f"There are no own GIFs of {GUILD}: repartee gifs add FILE puts one into a pack.\n"


@pytest.mark.parametrize("name", ["add", "list", "show", "edit", "remove", "export", "check"])
def test_help_teaches_with_examples(name: str, cli: Cli) -> None:
    outcome = cli("gifs", name, "--help")
    assert outcome.code == 0
    assert f"repartee gifs {name}" in outcome.out or name == "check"


async def test_a_killed_import_goes_on_where_it_was(
    tiny_bundle: Path, tiny_pack: Path, data: Path, files: Path
) -> None:
    for number in range(MANY):
        draw(files / f"{number:02}.gif", number)
    environment = tiny_environment(tiny_bundle, tiny_pack, data)
    arguments = ("gifs", "add", str(files), "--json", "--processes", "1")
    process = await asyncio.create_subprocess_exec(
        *command(*arguments), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = [json.loads(await process.stdout.readline()) for _ in range(2)]
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    await process.communicate()
    assert {line["status"] for line in first} == {"added"}
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, timeout=10)
    assert alive == []
    with OwnGifs(data / "catalogue.sqlite") as own:
        kept = {gif.id for gif in own.gifs()}
    assert {line["id"] for line in first} <= kept
    ended = await run(environment, *arguments)
    assert ended.returncode == 0, ended.stderr
    second = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {line["id"] for line in second if line["status"] == "already"} == kept
    with OwnGifs(data / "catalogue.sqlite") as own:
        assert len(own.gifs()) == MANY
        assert check(own) == []


async def test_an_interrupt_ends_it_and_keeps_what_is_in(
    tiny_bundle: Path, tiny_pack: Path, data: Path, files: Path
) -> None:
    for number in range(5 * MANY):
        draw(files / f"{number:02}.gif", number)
    process = await asyncio.create_subprocess_exec(
        *command("gifs", "add", str(files), "--json", "--processes", "1"),
        env=tiny_environment(tiny_bundle, tiny_pack, data),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        first = await process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to all processes of the command
        rest, said = await process.communicate()
    told = [json.loads(line) for line in (first + rest).splitlines()]
    with OwnGifs(data / "catalogue.sqlite") as own:
        assert {gif.id for gif in own.gifs()} == {line["id"] for line in told}
    assert process.returncode == 130
    assert f"{len(told)} added, 0 refused" in said.decode()
    assert "goes on from there" in said.decode()
