import json
import os
import stat
from pathlib import Path

import pytest

from tests.bot.console import Cli, names


def test_many_messages_are_ranked_into_a_file_in_their_order(cli: Cli, chat: Path, tmp_path: Path) -> None:
    outcome = cli("react", "--input", chat, "--output", tmp_path / "gifs.jsonl", "-k", "2")
    assert outcome[:2] == (0, "")
    ranked = [json.loads(line) for line in (tmp_path / "gifs.jsonl").read_text().splitlines()]
    assert [one["id"] for one in ranked] == [f"m{n}" for n in range(15)]
    assert [names(one)[0] for one in ranked[:2]] == ["hug.gif", "laugh.gif"]
    assert ranked[2]["hold"] > 0.9
    assert all(len(one["gifs"]) == 2 for one in ranked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.jsonl", "gifs.jsonl"]


def test_without_output_the_lines_go_to_stdout(cli: Cli, chat: Path, tmp_path: Path) -> None:
    cli("react", "--input", chat, "--output", tmp_path / "gifs.jsonl")
    assert cli("react", "--input", chat).out == (tmp_path / "gifs.jsonl").read_text()


def test_messages_that_were_hard_to_read_are_counted_in_one_line(cli: Cli, chat: Path) -> None:
    lines = [{"id": n, "text": text} for n, text in enumerate(["boom", "boom " * 40, "я скучаю", "寂しい"])]
    chat.write_text("\n".join(map(json.dumps, lines)))
    expected = "Of 4 messages: 1 too long to be read to the end; 2 mostly not in English"
    err = cli("react", "--input", chat).err
    assert expected in err
    assert len(err.splitlines()) == 1
    chat.write_text(json.dumps(lines[0]))
    assert cli("react", "--input", chat).err == ""


def test_a_byte_order_mark_is_no_part_of_the_first_line(cli: Cli, chat: Path) -> None:
    plain = cli("react", "--input", chat).out
    chat.write_text(chat.read_text(), encoding="utf-8-sig")
    assert cli("react", "--input", chat).out == plain


def test_each_line_is_what_the_message_gets_alone(cli: Cli, chat: Path) -> None:
    first = json.loads(cli("react", "--input", chat).out.splitlines()[0])
    assert first | {"id": None} == json.loads(cli("react", "--json", "I miss you").out)


def test_an_empty_file_gives_an_empty_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "none.jsonl").write_text("")
    assert cli("react", "--input", tmp_path / "none.jsonl", "--output", tmp_path / "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{oops", "line 16 is not"),
        ('{"id": "x"}', "line 16 is not"),
        ('{"id": "x", "text": 3}', "line 16 is not"),
        ('["x"]', "line 16 is not"),
        ('{"id": "x", "text": " \\u0007 "}', "line 16 has no readable character"),
    ],
)
def test_bad_lines_are_numbered_and_nothing_is_lost(
    cli: Cli, chat: Path, tmp_path: Path, line: str, sentence: str
) -> None:
    chat.write_text(chat.read_text().rstrip() + f"\n{line}\n")
    (tmp_path / "gifs.jsonl").write_text("from before")
    outcome = cli("react", "--input", chat, "--output", tmp_path / "gifs.jsonl")
    assert outcome.code == 2
    assert sentence in outcome.err
    assert "nothing was written" in outcome.err
    assert (tmp_path / "gifs.jsonl").read_text() == "from before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.jsonl", "gifs.jsonl"]


@pytest.mark.parametrize("place", ["no-such-folder/gifs.jsonl", "."])
def test_an_output_that_cannot_be_written_is_named(cli: Cli, chat: Path, tmp_path: Path, place: str) -> None:
    outcome = cli("react", "--input", chat, "--output", tmp_path / place)
    assert outcome.code == 2
    assert "cannot be written" in outcome.err


def test_a_pipe_as_output_stays_a_pipe(cli: Cli, chat: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert cli("react", "--input", chat, "--output", pipe, "-k", "1").code == 0
    assert os.read(reader, 60).startswith(b'{"id":"m0"')
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
