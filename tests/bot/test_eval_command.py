import json
from pathlib import Path
from typing import Any

import pytest

from tests.bot.console import Cli


@pytest.fixture
def annotations(tmp_path: Path) -> Path:
    def judged(great: list[str], hold: bool = False) -> dict[str, Any]:
        return {"great": great, "ok": ["hearts"], "hold": hold}

    lines = [
        {"id": "0", "text": "I miss you", "a": judged(["hug"]), "b": judged(["hug"])},
        {"id": "1", "text": "so funny", "a": judged(["dance"]), "b": judged(["thumbs_up"])},
        {"id": "2", "text": "he died", "a": judged([], True), "b": judged(["sorry"])},
    ]
    path = tmp_path / "bench.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_eval_shows_and_writes_the_figures(cli: Cli, annotations: Path, tmp_path: Path) -> None:
    outcome = cli("eval", annotations, "--json", tmp_path / "figures.json")
    assert outcome.code == 0
    row = next(line for line in outcome.out.splitlines() if "first GIF great " in line)
    assert row.split()[-3:] == ["0.500", "0.000", "0.500"]
    report = json.loads((tmp_path / "figures.json").read_text())
    assert report["bundle"] == "tiny 1"
    assert report["model"]["messages"] == 2
    assert report["model"]["p1_great"] == 0.5
    assert report["model"]["hold_auc"] == 1.0
    assert report["popular"]["p1_great"] == 0.0
    assert report["annotators"]["p1_great"] == 0.5


def test_eval_looks_for_the_shared_messages(
    cli: Cli, annotations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_SHARED", str(tmp_path))
    missing = cli("eval")
    assert missing.code == 2
    assert "REPARTEE_SHARED" in missing.err
    (tmp_path / "reactbench").mkdir()
    annotations.rename(tmp_path / "reactbench" / "dev.jsonl")
    assert json.loads(cli("eval", "--json", "-").out)["model"]["messages"] == 2


def test_a_message_without_text_is_named_before_anything_is_ranked(
    cli: Cli, annotations: Path, tmp_path: Path
) -> None:
    annotations.write_text(annotations.read_text().replace("so funny", "\\u0007 "))
    outcome = cli("eval", annotations, "--json", tmp_path / "figures.json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert f"{annotations}: the message 1 has no readable character" in outcome.err
    assert not (tmp_path / "figures.json").exists()


def test_an_id_that_comes_twice_is_named(cli: Cli, annotations: Path) -> None:
    annotations.write_text(annotations.read_text().replace('"id": "2"', '"id": "0"'))
    outcome = cli("eval", annotations)
    assert outcome.code == 2
    assert "bench.jsonl, line 3: the id 0 comes twice" in outcome.err


def test_a_byte_order_mark_is_no_part_of_the_first_message(cli: Cli, annotations: Path) -> None:
    plain = cli("eval", annotations, "--json", "-").out
    annotations.write_text(annotations.read_text(), encoding="utf-8-sig")
    assert cli("eval", annotations, "--json", "-").out == plain
