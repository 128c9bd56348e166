"""ReactBench: reading annotated messages and scoring rankings of reaction categories.

The figures are those of the benchmark's own scorer; a test compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from inference.errors import MessageError
from inference.lines import numbered_lines

GREAT, OK = 2, 1
NDCG_DEPTH = 5
FALSE_ALARMS = 0.05

# Categories by how often the training labels call them great, the commonest first.
# fmt: off
POPULAR = (
    "laugh", "agree", "hug", "thumbs_up", "shrug", "oh_snap", "sigh", "thank_you", "thinking", "awww",
    "celebrate", "shocked", "facepalm", "popcorn", "hearts", "eye_roll", "applause", "omg", "ok", "scared",
    "happy_dance", "yes", "high_five", "fist_bump", "oops", "wink", "want", "smh", "good_luck", "eww",
    "you_got_this", "seriously", "idk", "deal_with_it", "no", "mic_drop", "sorry", "cry", "do_not_want",
    "slow_clap", "dance", "please", "yolo", "win", "angry", "yawn", "kiss", "thumbs_down",
)
# fmt: on


class Judgement(msgspec.Struct, frozen=True):
    """What one annotator calls great (best first) and ok, and whether to hold playful GIFs back."""

    great: list[str]
    ok: list[str]
    hold: bool

    def grade(self, category: str) -> int:
        """Return 2 for great, 1 for ok, else 0."""
        return GREAT if category in self.great else OK if category in self.ok else 0


class BenchMessage(msgspec.Struct, frozen=True):
    """A message with the judgements of two annotators."""

    id: str
    text: str
    a: Judgement
    b: Judgement

    @property
    def is_held(self) -> bool:
        """Whether either annotator held playful GIFs back."""
        return self.a.hold or self.b.hold

    def relevance(self) -> dict[str, float]:
        """Return the mean grade of each category that an annotator named."""
        named = {*self.a.great, *self.a.ok, *self.b.great, *self.b.ok}
        return {category: (self.a.grade(category) + self.b.grade(category)) / 2 for category in named}


class Prediction(msgspec.Struct, frozen=True):
    """Categories, best first, and the hold probability where there is one."""

    ranked: Sequence[str]
    hold: float | None = None


class Scores(msgspec.Struct, frozen=True, omit_defaults=True):
    """Shares of messages in 0..1, but `messages` and `distinct`, which are counts.

    `hold_auc` and `silent` are None where no message, or every message, is held or no prediction has a
    hold probability.
    """

    messages: int
    p1_great: float
    p1_any: float
    ndcg5: float
    distinct: int
    hold_auc: float | None = None
    silent: float | None = None


def read_messages(path: Path) -> list[BenchMessage]:
    """Read annotated messages, a JSON object a line.

    Raises:
        MessageError: the file is missing or empty, or a line is unreadable or has the id of another (file
            and line are named).
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise MessageError(
            f"The annotated messages {path} cannot be read ({error.strerror}): name a file, or set "
            "REPARTEE_SHARED to the folder that holds reactbench/dev.jsonl."
        ) from error
    messages: dict[str, BenchMessage] = {}
    for number, line in numbered_lines(raw):
        try:
            message = msgspec.json.decode(line, type=BenchMessage)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MessageError(f"{path}, line {number}: not an annotated message ({error}).") from error
        if message.id in messages:
            raise MessageError(f"{path}, line {number}: the id {message.id} comes twice; change one of them.")
        messages[message.id] = message
    if all(message.is_held for message in messages.values()):
        raise MessageError(f"{path} has no message to score: each line needs id, text, a and b.")
    return list(messages.values())


def score(messages: Sequence[BenchMessage], predictions: Mapping[str, Prediction]) -> Scores:
    """Score the prediction of each message id; a category that comes again in a ranking is dropped.

    Raises:
        MessageError: a message has no prediction, or an empty one.
    """
    for message in messages:
        if message.id not in predictions or not predictions[message.id].ranked:
            raise MessageError(f"There is no ranking for the message {message.id}.")
    played = [message for message in messages if not message.is_held]
    rankings = [list(dict.fromkeys(predictions[message.id].ranked)) for message in played]
    pairs = list(zip(played, rankings, strict=True))
    great = sum(max(m.a.grade(ranked[0]), m.b.grade(ranked[0])) == GREAT for m, ranked in pairs)
    any_ = sum(m.relevance().get(ranked[0], 0) > 0 for m, ranked in pairs)
    hold_auc, silent = _score_hold(messages, predictions)
    return Scores(
        messages=len(played),
        p1_great=round(great / len(played), 4),
        p1_any=round(any_ / len(played), 4),
        ndcg5=round(sum(_ndcg(ranked, m.relevance()) for m, ranked in pairs) / len(played), 4),
        distinct=len({ranked[0] for ranked in rankings}),
        hold_auc=hold_auc,
        silent=silent,
    )


def floor(messages: Sequence[BenchMessage]) -> Scores:
    """Score the answer that never looks at the message: the most popular categories in their order."""
    return score(messages, {message.id: Prediction(POPULAR) for message in messages})


def ceiling(messages: Sequence[BenchMessage]) -> Scores:
    """Score each annotator's answer by the other's judgement, and return the mean of both directions."""
    halves = [_judge_by_other(messages, judge) for judge in ("a", "b")]
    shares = {
        field: round(sum(getattr(half, field) for half in halves) / 2, 4)
        for field in ("p1_great", "p1_any", "ndcg5")
    }
    return Scores(
        messages=halves[0].messages, distinct=round(sum(half.distinct for half in halves) / 2), **shares
    )


def _judge_by_other(messages: Sequence[BenchMessage], judge: str) -> Scores:
    judged, predictions = [], {}
    for message in messages:
        if not message.is_held:
            verdict, answer = (message.a, message.b) if judge == "a" else (message.b, message.a)
            judged.append(BenchMessage(message.id, message.text, verdict, verdict))
            predictions[message.id] = Prediction([*answer.great, *answer.ok] or POPULAR)
    return score(judged, predictions)


def _ndcg(ranked: Sequence[str], relevance: Mapping[str, float]) -> float:
    def gain(grades: Sequence[float]) -> float:
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(grades[:NDCG_DEPTH]))

    ideal = gain(sorted(relevance.values(), reverse=True))
    return gain([relevance.get(category, 0.0) for category in ranked]) / ideal if ideal else 0.0


def _score_hold(
    messages: Sequence[BenchMessage], predictions: Mapping[str, Prediction]
) -> tuple[float | None, float | None]:
    """Return the ROC AUC and the share of held messages silenced at 5 % false alarms."""
    held: list[float] = []
    played: list[float] = []
    for message in messages:
        hold = predictions[message.id].hold
        if hold is not None:
            (held if message.is_held else played).append(hold)
    if not held or not played:
        return None, None
    wins = sum((h > p) + 0.5 * (h == p) for h in held for p in played)
    allowed = max(0, math.ceil(FALSE_ALARMS * len(played)) - 1)
    threshold = sorted(played, reverse=True)[allowed]
    silent = sum(h > threshold for h in held) / len(held)
    return round(wins / (len(held) * len(played)), 4), round(silent, 4)
