import json
import os
import sys
from pathlib import Path

import pytest

from tests import tiny
from tests.bot.console import Cli, names


def test_a_message_gets_a_table_with_the_best_first(cli: Cli, tiny_pack: Path) -> None:
    outcome = cli("react", "I miss you")
    assert outcome.code == 0
    rows = [line for line in outcome.out.splitlines() if line.strip()[:1] in {"1", "2", "3"}]
    assert len(rows) == 3
    for cell in ("hug", "95 %", "A block moves: hug.", str(tiny_pack / "gifs" / "hug.gif")):
        assert cell in rows[0]
    assert "hearts" in rows[1]
    assert outcome.err == ""


def test_words_need_no_quotes(cli: Cli) -> None:
    assert cli("react", "--json", "I", "miss", "you").out == cli("react", "--json", "I miss you").out


def test_json_is_one_object_for_machines(cli: Cli) -> None:
    outcome = cli("react", "so funny", "--json", "-k", "5")
    ranked = json.loads(outcome.out)
    assert set(ranked) == {"id", "hold", "gifs"}
    assert ranked["id"] is None
    assert 0 <= ranked["hold"] < 0.1
    assert names(ranked)[0] == "laugh.gif"
    assert len(ranked["gifs"]) == len(set(names(ranked))) == 5
    assert set(ranked["gifs"][0]) == {"id", "file", "code_point", "categories", "score", "alt_text"}
    assert Path(ranked["gifs"][0]["file"]).is_file()
    assert len({gif["categories"][0] for gif in ranked["gifs"]}) == 5


def test_more_than_there_is_gives_all(cli: Cli) -> None:
    assert len(json.loads(cli("react", "boom", "--json", "-k", "999").out)["gifs"]) == len(tiny.GIFS)


def test_on_a_grave_message_a_person_is_offered_gentle_gifs_only(cli: Cli) -> None:
    outcome = cli("react", "funny, he died", "-k", "9")
    assert "Better stay silent, this may be serious (hold probability 98 %)" in outcome.out
    assert "hug" in outcome.out
    assert "laugh" not in outcome.out
    assert "mic drop" not in outcome.out


def test_json_ranks_a_grave_message_like_any_other(cli: Cli) -> None:
    ranked = json.loads(cli("react", "funny, he died", "--json").out)
    assert ranked["hold"] > 0.9
    assert names(ranked)[0] == "laugh.gif"


@pytest.mark.parametrize(
    "text", ["\U0001f602\U0001f602", "\U0001f44d\U0001f3fd", "??!", "я скучаю", "I miss you " * 9000]
)
def test_unusual_messages_are_answered(cli: Cli, text: str) -> None:
    outcome = cli("react", text, "--json")
    assert outcome.code == 0
    assert len(json.loads(outcome.out)["gifs"]) == 3


def test_notes_go_to_stderr(cli: Cli) -> None:
    assert "only its first 12 tokens" in cli("react", "I miss you " * 9000, "--json").err
    assert "trained on English" in cli("react", "я скучаю").err


def test_the_text_of_messages_is_stored_nowhere(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path))
    outcome = cli("react", "xylophone secret I miss you")
    assert "xylophone" not in outcome.out + outcome.err
    for path in tmp_path.rglob("*"):
        assert b"xylophone" not in path.read_bytes()


def test_a_missing_viewer_is_said_after_the_answer(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    outcome = cli("react", "I miss you", "--open")
    assert outcome.code == 2
    assert "hug" in outcome.out
    assert "No viewer could be started" in outcome.err


@pytest.mark.skipif(sys.platform != "linux", reason="the viewer is called otherwise there")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the viewer outlives us
def test_open_shows_the_first_gif(
    cli: Cli, tmp_path: Path, tiny_pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "opened")
    viewer = tmp_path / "xdg-open"
    viewer.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path / "opened"}\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert cli("react", "I miss you", "--open").code == 0
    assert Path((tmp_path / "opened").read_text()).name == "hug.gif"
