import importlib.util
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from inference.errors import MessageError
from inference.metrics import (
    POPULAR,
    BenchMessage,
    Judgement,
    Prediction,
    ceiling,
    floor,
    read_messages,
    score,
)

SHARED = Path(os.environ.get("REPARTEE_SHARED", Path(__file__).parents[3] / "shared"))
BENCH = SHARED / "reactbench"


def message(number: int, a: list[list[str]], b: list[list[str]], hold: bool = False) -> BenchMessage:
    return BenchMessage(f"m{number}", "text", Judgement(a[0], a[1], hold), Judgement(b[0], b[1], False))


MESSAGES = [
    message(0, [["hug"], ["cry"]], [["hug", "hearts"], []]),
    message(1, [["laugh"], []], [["smh"], ["laugh"]]),
    message(2, [[], []], [["sorry"], []], hold=True),
]


def test_figures_of_a_case_worked_out_by_hand() -> None:
    predictions = {
        "m0": Prediction(["hug", "hug", "hearts", "cry"], 0.1),
        "m1": Prediction(["yawn", "smh"], 0.3),
        "m2": Prediction(["laugh"], 0.2),
    }
    scores = score(MESSAGES, predictions)
    assert (scores.messages, scores.distinct) == (2, 2)
    assert (scores.p1_great, scores.p1_any) == (0.5, 0.5)
    # m0 is perfect; m1: gain of smh (grade 1) in second place over laugh (1.5) then smh (1)
    assert scores.ndcg5 == pytest.approx((1 + 0.6309 / (1.8284 + 0.6309)) / 2, abs=1e-4)
    assert scores.hold_auc == 0.5
    assert scores.silent == 0


def test_a_message_without_a_ranking_is_named() -> None:
    with pytest.raises(MessageError, match="m1"):
        score(MESSAGES, {"m0": Prediction(["hug"]), "m1": Prediction([])})


def test_hold_figures_are_left_out_where_nothing_is_predicted() -> None:
    assert floor(MESSAGES).hold_auc is None


def test_the_ceiling_is_one_where_annotators_agree() -> None:
    same = [message(0, [["hug"], ["cry"]], [["hug"], ["cry"]])]
    assert ceiling(same).p1_great == 1
    assert ceiling(same).ndcg5 == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("{}\n", "line 1"), ('\n{"id": "a", "text": 1}\n', "line 2"), ("", "no message to score")],
)
def test_unreadable_annotations_are_named(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(MessageError, match=sentence):
        read_messages(tmp_path / "a.jsonl")
    with pytest.raises(MessageError, match="REPARTEE_SHARED"):
        read_messages(tmp_path / "b.jsonl")


@pytest.fixture(scope="module")
def scorer() -> Any:
    path = BENCH / "score.py"
    if not path.is_file():
        pytest.skip("the shared benchmark is not here")
    spec = importlib.util.spec_from_file_location("reactbench_score", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(4))
def test_the_figures_are_those_of_the_benchmarks_own_scorer(scorer: Any, seed: int) -> None:
    rng = random.Random(seed)
    messages = read_messages(BENCH / "dev.jsonl")
    predictions = {}
    for one in messages:
        liked = [*one.a.great, *one.b.ok]
        ranked = rng.sample(liked, len(liked)) + rng.choices(POPULAR, k=6)
        predictions[one.id] = Prediction(ranked, round(rng.random() + 0.3 * one.is_held, 2))
    ours = score(messages, predictions)
    theirs = scorer.score(
        [{"id": key, "ranked": p.ranked, "hold": p.hold} for key, p in predictions.items()],
        scorer.rows(BENCH / "dev.jsonl"),
    )
    assert {field: getattr(ours, field) for field in theirs} == theirs


def test_the_floor_on_the_shared_messages(scorer: Any) -> None:
    annotations = scorer.rows(BENCH / "dev.jsonl")
    theirs = scorer.score([{"id": a["id"], "ranked": POPULAR} for a in annotations], annotations)
    ours = floor(read_messages(BENCH / "dev.jsonl"))
    assert (ours.p1_great, ours.p1_any, ours.ndcg5) == (theirs["p1_great"], theirs["p1_any"], theirs["ndcg5"])


def test_the_popular_order_names_every_category_once() -> None:
    path = SHARED / "reactions" / "categories.txt"
    if not path.is_file():
        pytest.skip("the shared categories are not here")
    assert sorted(POPULAR) == sorted(path.read_text().split())


def test_annotations_round_trip(tmp_path: Path) -> None:
    line = {
        "id": "x",
        "text": "hi",
        "source": "s",
        "a": {"great": ["hug"], "ok": [], "hold": False},
        "b": {"great": [], "ok": ["hug"], "hold": True},
    }
    other = line | {"id": "y", "b": line["a"]}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(line)}\n\n{json.dumps(other)}\n")
    first, second = read_messages(tmp_path / "a.jsonl")
    assert first.is_held
    assert not second.is_held
    assert first.relevance() == {"hug": 1.5}
