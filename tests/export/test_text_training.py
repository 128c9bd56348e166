import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tokenizers import Tokenizer, models, pre_tokenizers

from export.data.reactions import (
    DataError,
    Message,
    folds,
    reactions_dir,
    read_emoji_tweets,
    read_labelled,
    read_own,
    read_unlabelled,
    soft_targets,
)
from export.hold_probe import fit_hold_probe
from export.models.bert import BertConfig
from export.models.efficientnet import EfficientNetConfig
from export.models.hybrid_clip import HybridCLIP, HybridCLIPConfig
from export.models.learners import Signals, Student, Teacher
from export.models.mpnet import MPNet, MPNetConfig, relative_buckets
from export.space import CATEGORY_DIM, DIM
from export.student_stage import is_text
from export.teacher_stage import is_upper, lower_states
from export.text_corpus import Corpus, batch_count, batches, message_corpus
from export.text_objective import LossWeights, objective
from export.text_scores import as_bench, score
from export.text_train import Fitted, Schedule, State, split, train
from export.training import Run

WORDS = "i miss you lost my keys again we won the cup so tired of this"
CATEGORIES = (["hug", "facepalm", "win", "yawn"] + [f"other_{n}" for n in range(44)])[:CATEGORY_DIM]
MESSAGES = [
    Message("1", "i miss you", ("hug",), ("yawn",), True, (3,)),
    Message("2", "lost my keys again", ("facepalm", "yawn"), (), False),
    Message("3", "we won the cup", ("win",), (), False, (1, 2)),
    Message("4", "so tired of this", ("yawn",), ("hug",), False),
    Message("5", "the cup", emoji=4),
] * 4
BERT = BertConfig(
    vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
)
VISION = EfficientNetConfig(stem_channels=4, head_channels=8, stages=((1, 4, 3, 2, 1),), image_size=16)
MPNET = MPNetConfig(
    vocab_size=32, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32
)
SCHEDULE = Schedule(epochs=12, batch_size=4, learning_rate=3e-3, head_factor=3.0, average=0.8, patience=None)


@pytest.fixture
def tokenizer() -> Tokenizer:
    vocabulary = {
        word: number for number, word in enumerate(["[PAD]", "[UNK]", *dict.fromkeys(WORDS.split())])
    }
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


@pytest.fixture
def corpus(tokenizer: Tokenizer) -> Corpus:
    return message_corpus(tokenizer, MESSAGES, CATEGORIES, great=0.7, ok=0.2)


def student() -> Student:
    config = HybridCLIPConfig(
        text=BERT, vision=VISION, projection_dim=DIM, text_pooling="mean", hold_head=True
    )
    return Student(HybridCLIP(config, nnx.Rngs(0)), nnx.Rngs(0))


def top_categories(fitted: Fitted[Student], params: State, corpus: Corpus) -> list[str]:
    answers = fitted.answer(params, corpus, batch_size=4, pad_id=0)
    return [CATEGORIES[i] for i in answers.category.argmax(1)]


def test_soft_targets_rank_the_best_first_and_leave_the_unknown_without_weight() -> None:
    targets, weight = soft_targets(MESSAGES[1:5], CATEGORIES, great=0.7, ok=0.2)
    assert targets[0, CATEGORIES.index("facepalm")] == pytest.approx(1 / 1.7)
    assert targets[0, CATEGORIES.index("yawn")] == pytest.approx(0.7 / 1.7)
    assert weight.tolist() == [1, 1, 1, 0]


def test_folds_are_balanced_and_seeded() -> None:
    numbers = folds(103, 5, 0)
    assert sorted(np.bincount(numbers)) == [20, 20, 21, 21, 21]
    assert (numbers == folds(103, 5, 0)).all()
    assert (numbers != folds(103, 5, 1)).any()


def test_batches_hold_every_message_once_with_its_own_targets(corpus: Corpus, tokenizer: Tokenizer) -> None:
    long = [Message("6", "we won the cup again " * 4, ("win",))]
    corpus = corpus.join(message_corpus(tokenizer, long, CATEGORIES, great=0.7, ok=0.2))
    seen: list[int] = []
    for rows, batch in batches(corpus, 3, 0, 7):
        assert batch["inputs"].shape == batch["mask"].shape
        for line, row in enumerate(rows):
            real = batch["mask"][line].astype(bool)
            assert (batch["inputs"][line][real] == corpus.tokens[row]).all()
            assert (batch["category"][line] == corpus.targets["category"][row]).all()
        assert not batch["category_weight"][len(rows) :].any()
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(corpus)))
    assert batch_count(corpus, 3) == len(list(batches(corpus, 3, 0, 7)))


def test_a_student_learns_its_messages_and_a_killed_run_goes_on(corpus: Corpus, tmp_path: Path) -> None:
    fitted = Fitted(student(), is_text)
    steps = batch_count(corpus, SCHEDULE.batch_size) * SCHEDULE.epochs
    scores: list[float] = []

    def judge(params: State) -> dict[str, float]:
        found = top_categories(fitted, params, corpus)
        wanted = [m.great[0] if m.great else None for m in MESSAGES]
        scores.append(float(np.mean([a == b for a, b in zip(found, wanted, strict=True)])))
        return {"score": scores[-1]}

    def run(folder: Path, until: int | None = None) -> State:
        def stopping(params: State) -> dict[str, float]:
            if until is not None and len(scores) == until:
                raise KeyboardInterrupt
            return judge(params)

        with Run(folder, total_steps=steps) as progress:
            return train(fitted, corpus, SCHEDULE, LossWeights(), progress, pad_id=0, judge=stopping)

    whole = run(tmp_path / "whole")
    assert top_categories(fitted, whole, corpus)[:4] == ["hug", "facepalm", "win", "yawn"]
    assert len(scores) == SCHEDULE.epochs

    scores.clear()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", until=5)
    resumed = run(tmp_path / "killed")
    assert len(scores) == SCHEDULE.epochs
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_training_the_text_side_leaves_the_vision_side_alone(corpus: Corpus) -> None:
    learner = student()
    _, trainable, frozen = split(learner, is_text)
    names = {"/".join(map(str, path)) for path, _ in nnx.to_flat_state(trainable)}
    assert any(name.startswith("clip/text_model/layers") for name in names)
    assert not [name for name in names if "vision" in name or "visual" in name or "pooler" in name]
    assert nnx.to_flat_state(frozen)


def test_a_teacher_on_lower_states_says_what_the_whole_encoder_says(corpus: Corpus) -> None:
    encoder = MPNet(MPNET, nnx.Rngs(3))
    states, vectors = lower_states(encoder, corpus, 2)
    row = 3
    ids = jnp.asarray(corpus.tokens[row])[None]
    mask = jnp.ones_like(ids)
    whole = encoder(ids, mask).mean(1)[0]
    np.testing.assert_allclose(vectors[row], whole / jnp.linalg.norm(whole), atol=1e-5)
    upper = encoder.upper(jnp.asarray(states[row], jnp.float32)[None], mask, 2).mean(1)[0]
    np.testing.assert_allclose(upper, whole, atol=5e-3)


def test_a_teacher_trains_upper_blocks_only() -> None:
    teacher = Teacher(MPNet(MPNET, nnx.Rngs(0)), 2, nnx.Rngs(0))
    _, trainable, frozen = split(teacher, is_upper(2))
    names = {"/".join(map(str, path)) for path, _ in nnx.to_flat_state(trainable)}
    kept = {"/".join(map(str, path)) for path, _ in nnx.to_flat_state(frozen)}
    assert {n.split("/")[2] for n in names if n.startswith("encoder/layers")} == {"2"}
    assert {n.split("/")[2] for n in kept if n.startswith("encoder/layers")} == {"0", "1"}
    assert "category/kernel" in names


def test_relative_buckets_are_exact_near_and_logarithmic_far() -> None:
    buckets = relative_buckets(200, 32)
    assert buckets[10, 3:11].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert buckets[10, 11] == 17
    assert buckets[199, 0] == 15
    assert buckets[0, 199] == 31


def test_mpnet_ignores_padding() -> None:
    encoder = MPNet(MPNET, nnx.Rngs(0))
    ids = jnp.array([[5, 6, 7, 1, 1]])
    mask = jnp.array([[1, 1, 1, 0, 0]])
    alone = encoder(ids[:, :3], mask[:, :3])
    np.testing.assert_allclose(encoder(ids, mask)[:, :3], alone, atol=1e-5)


def test_a_loss_counts_known_targets_only() -> None:
    signals = Signals(
        category=jnp.zeros((2, CATEGORY_DIM)),
        hold=jnp.array([9.0, -9.0]),
        emotion=jnp.zeros((2, 28)),
        emoji=jnp.zeros((2, 20)),
        identity=None,
    )
    zeros = jnp.zeros(2)
    batch = {
        "category": jnp.full((2, CATEGORY_DIM), 1 / CATEGORY_DIM),
        "category_weight": zeros,
        "hold": zeros,
        "hold_weight": jnp.array([0.0, 1.0]),
        "emotion": jnp.zeros((2, 28)),
        "emotion_weight": zeros,
        "emoji": jnp.zeros(2, jnp.int32),
        "emoji_weight": zeros,
    }
    assert float(objective(signals, batch, LossWeights())) < 1e-3
    wrong = batch | {"hold_weight": jnp.array([1.0, 0.0])}
    assert float(objective(signals, wrong, LossWeights())) > 1


def test_the_hold_probe_finds_the_direction_that_tells_held_messages_apart() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    hold = (vectors[:, 2] > 0.4).astype(np.float32)
    probe = fit_hold_probe(vectors[:300], hold[:300], 1.0, scale=3.0)
    found = probe(vectors[300:])
    assert found[hold[300:] > 0].mean() > found[hold[300:] == 0].mean() + 3


def test_scores_of_logits_reward_the_category_that_was_called_great() -> None:
    rows = MESSAGES[:4]
    targets, _ = soft_targets(rows, CATEGORIES)
    right = score(targets, np.array([1, 0, 0, 0], np.float32), as_bench(rows), CATEGORIES)
    assert (right["p1_great"], right["hold_auc"], right["messages"]) == (1.0, 1.0, 3.0)
    wrong = score(-targets, np.array([0, 1, 0, 0], np.float32), as_bench(rows), CATEGORIES)
    assert wrong["p1_great"] == 0.0
    assert wrong["hold_auc"] < 0.5


def write_data(folder: Path) -> None:
    (folder / "goemotions").mkdir()
    (folder / "tweeteval_emoji").mkdir()
    (folder / "categories.txt").write_text("\n".join(CATEGORIES))
    (folder / "goemotions" / "train.tsv").write_text("I miss [NAME]\t9,25\ta1\nwho cares\t27\ta2\n")
    label = {"id": "a1", "great": ["hug"], "ok": [], "hold": False}
    (folder / "labels.jsonl").write_text(json.dumps(label) + "\n")
    (folder / "chat.jsonl").write_text(json.dumps(label | {"id": "c1", "text": "we won"}) + "\n")
    (folder / "tweeteval_emoji" / "train_text.txt").write_text("sun\u2028day\nrain\n")
    (folder / "tweeteval_emoji" / "train_labels.txt").write_text("3\n0\n")


def test_reaction_data_is_read_as_annotators_saw_it(tmp_path: Path) -> None:
    write_data(tmp_path)
    first, second = read_labelled(tmp_path)
    assert (first.text, first.emotions, first.great) == ("I miss Alex", (9, 25), ("hug",))
    assert (second.text, second.emotions) == ("we won", ())
    assert [m.emoji for m in read_emoji_tweets(tmp_path)] == [3, 0]
    assert [m.id for m in read_unlabelled(tmp_path, tweets=1)] == ["a2", "tweet-0"]


def test_missing_reaction_data_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no reaction data"):
        reactions_dir(tmp_path)
    write_data(tmp_path)
    (tmp_path / "chat.jsonl").unlink()
    with pytest.raises(DataError, match=r"chat\.jsonl is missing"):
        read_labelled(tmp_path)


def test_our_own_messages_are_well_formed() -> None:
    rows = read_own()
    assert len(rows) > 1000
    assert len({row.id for row in rows}) == len({row.text for row in rows}) == len(rows)
    assert all(not {*row.great} & {*row.ok} and (row.great or row.hold) for row in rows)
    assert sum(bool(row.hold) for row in rows) > 300
