import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.cli import main
from inference.engine import Engine
from tests import tiny


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Outcome]


@pytest.fixture(scope="session")
def warm_data(tiny_bundle: Path, tiny_pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm")
    Engine.open(tiny_bundle, [tiny_pack], folder / "catalogue.sqlite")
    return folder


@pytest.fixture
def cli(
    tiny_bundle: Path,
    tiny_pack: Path,
    warm_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Cli:
    monkeypatch.setenv("REPARTEE_BUNDLE", str(tiny_bundle))
    monkeypatch.setenv("REPARTEE_PACKS", str(tiny_pack))
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(warm_data))

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["repartee", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        code = ended.value.code
        return Outcome(code if isinstance(code, int) else 0, captured.out, captured.err)

    return run


def names(ranked: dict[str, Any]) -> list[str]:
    return [Path(gif["file"]).name for gif in ranked["gifs"]]


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
    assert "Better stay silent: 98 %" in outcome.out
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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["react", ""], "nothing to react to"),
        (["react", "\x01\x02\x1b"], "nothing to react to"),
        (["react"], "There is no message"),
        (["react", "boom", "-k", "0"], "whole number from 1"),
        (["react", "boom", "-k", "-2"], "whole number from 1"),
        (["react", "boom", "--input", "x.jsonl"], "not both"),
        (["react", "boom", "--output", "x.jsonl"], "--output goes with --input"),
        (["react", "--input", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["react", "--input", "-", "--open"], "--open goes with one message"),
        (["eval", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
    ],
)
def test_bad_requests_get_one_sentence_and_exit_code_2(cli: Cli, arguments: list[str], sentence: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert outcome.out == ""


def changed_model(folder: Path) -> dict[str, Path]:
    bundle = tiny.make_bundle(folder / "bundle")
    path = bundle / "text.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    return {"REPARTEE_BUNDLE": bundle}


def missing_model(folder: Path) -> dict[str, Path]:
    bundle = tiny.make_bundle(folder / "bundle")
    (bundle / "image.onnx").unlink()
    return {"REPARTEE_BUNDLE": bundle}


def unreadable_line(folder: Path) -> dict[str, Path]:
    pack = tiny.make_pack(folder / "pack")
    with (pack / "manifest.jsonl").open("a") as file:
        file.write("{oops\n")
    return {"REPARTEE_PACKS": pack}


def unwritable_data(folder: Path) -> dict[str, Path]:
    (folder / "file").write_text("")
    return {"REPARTEE_DATA_DIR": folder / "file" / "data"}


def bad_threads(folder: Path) -> dict[str, Path]:
    return {"REPARTEE_THREADS": Path("many")}


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (changed_model, "text.onnx has changed"),
        (missing_model, "image.onnx is missing"),
        (unreadable_line, "manifest.jsonl, line 13"),
        (unwritable_data, "REPARTEE_DATA_DIR"),
        (bad_threads, "REPARTEE_THREADS"),
    ],
)
def test_broken_surroundings_get_one_sentence_and_exit_code_2(
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    break_it: Callable[[Path], dict[str, Path]],
    sentence: str,
) -> None:
    for name, value in break_it(tmp_path).items():
        monkeypatch.setenv(name, str(value))
    outcome = cli("react", "boom")
    assert outcome.code == 2
    assert sentence in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    texts = ["I miss you", "so funny", "he died", "boom", "\U0001f602"] * 3
    lines = [json.dumps({"id": f"m{n}", "text": text, "channel": "x"}) for n, text in enumerate(texts)]
    path = tmp_path / "chat.jsonl"
    path.write_text("\n".join(lines) + "\n\n")
    return path


def test_many_messages_are_ranked_into_a_file_in_their_order(cli: Cli, chat: Path, tmp_path: Path) -> None:
    outcome = cli("react", "--input", chat, "--output", tmp_path / "gifs.jsonl", "-k", "2")
    assert outcome == (0, "", "")
    ranked = [json.loads(line) for line in (tmp_path / "gifs.jsonl").read_text().splitlines()]
    assert [one["id"] for one in ranked] == [f"m{n}" for n in range(15)]
    assert [names(one)[0] for one in ranked[:2]] == ["hug.gif", "laugh.gif"]
    assert ranked[2]["hold"] > 0.9
    assert all(len(one["gifs"]) == 2 for one in ranked)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.jsonl", "gifs.jsonl"]


def test_without_output_the_lines_go_to_stdout(cli: Cli, chat: Path, tmp_path: Path) -> None:
    cli("react", "--input", chat, "--output", tmp_path / "gifs.jsonl")
    assert cli("react", "--input", chat).out == (tmp_path / "gifs.jsonl").read_text()


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


def test_index_builds_the_catalogue(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATA_DIR", str(tmp_path / "new"))
    outcome = cli("index")
    assert outcome.out == f"12 GIFs are ready in {tmp_path / 'new' / 'catalogue.sqlite'}.\n"
    before = cli("react", "boom", "--json").out
    assert cli("index", "--fresh").code == 0
    assert cli("react", "boom", "--json").out == before


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


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli("--version").out.startswith("repartee ")


@pytest.mark.parametrize(
    ("arguments", "example"),
    [
        (["--help"], 'repartee react "I miss you"'),
        (["react", "--help"], "repartee react --input chat.jsonl --output gifs.jsonl"),
        (["eval", "--help"], "repartee eval messages.jsonl --json figures.json"),
    ],
)
def test_help_teaches_by_examples(cli: Cli, arguments: list[str], example: str) -> None:
    assert example in cli(*arguments).out


PROCESS = """
import sys
from bot.cli import main
try:
    main()
finally:
    print(*sorted({"PIL", "hnswlib", "onnx"} & sys.modules.keys()), file=sys.stderr)
"""


def test_a_real_process_answers_without_loading_what_it_does_not_need(cli: Cli) -> None:
    command = [sys.executable, "-c", PROCESS, "react", "I miss you", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=with_root())
    assert names(json.loads(done.stdout))[0] == "hug.gif"
    assert done.stderr.strip() == ""


def test_a_real_process_fails_with_a_sentence_and_no_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPARTEE_BUNDLE", "nowhere")
    command = [sys.executable, "-c", "from bot.cli import main; main()", "react", "hi"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=with_root())
    assert done.returncode == 2
    assert "No model bundle in nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
@pytest.mark.parametrize("arguments", ['"I miss you"', "--input chat.jsonl"])
def test_a_full_disk_gets_a_sentence(cli: Cli, chat: Path, arguments: str) -> None:
    command = f"{sys.executable} -c 'from bot.cli import main; main()' react {arguments} > /dev/full"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, cwd=chat.parent, env=with_root()
    )
    assert done.returncode == 2
    assert "could not be written (No space left" in done.stderr
    assert "Traceback" not in done.stderr


def with_root() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
