import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from inference.bundle import load_bundle
from inference.encoders import TextEncoder
from inference.engine import Engine
from inference.errors import BundleError, MessageError, PackError
from inference.fingerprints import BYTES, fingerprint_file
from inference.fusion import GifEmbedder
from inference.pack import read_pack
from inference.protocol import ReactReply, ReactRequest
from inference.vectors import unit
from tests import tiny


def files(reply: ReactReply) -> list[str]:
    return [Path(reaction.file).name for reaction in reply.reactions]


@pytest.mark.parametrize(
    ("text", "best"),
    [
        ("I miss you", "hug.gif"),
        ("that is so FUNNY haha", "laugh.gif"),
        ("\U0001f602", "laugh.gif"),
        ("so sad, tears", "cry.gif"),
        ("boom", "mic_drop.gif"),
        ("we dance", "dance.gif"),
    ],
)
def test_the_fitting_gif_comes_first(tiny_engine: Engine, text: str, best: str) -> None:
    assert files(tiny_engine.react(text))[0] == best


def test_the_answer_is_varied_and_in_order(tiny_engine: Engine) -> None:
    reply = tiny_engine.react("hug and cry", 3)
    assert {reaction.categories[0] for reaction in reply.reactions[:2]} == {"hug", "cry"}
    assert [r.score for r in reply.reactions] == sorted((r.score for r in reply.reactions), reverse=True)
    assert reply.reactions[0].confidence > reply.reactions[2].confidence
    everything = tiny_engine.react("hug and cry", 100)
    assert len(everything.reactions) == len(tiny_engine) == len(tiny.GIFS)
    assert len({reaction.id for reaction in everything.reactions}) == len(tiny.GIFS)
    firsts = [reaction.categories[0] for reaction in everything.reactions]
    assert len(set(firsts[:8])) == 8


def test_a_reaction_says_all_that_a_person_needs(tiny_engine: Engine, tiny_pack: Path) -> None:
    reaction = tiny_engine.react("I miss you", 1).reactions[0]
    assert Path(reaction.file) == tiny_pack / "gifs" / "hug.gif"
    assert reaction.alt_text == "A block moves: hug."
    assert reaction.code_point == "1f600"
    assert reaction.categories == ["hug"]
    assert 0.9 < reaction.score <= 1
    assert reaction.confidence == pytest.approx(1 / (1 + np.exp(3 - 6 * reaction.score)))
    assert "hug" in reaction.why
    assert "miss" in reaction.why


def test_grave_messages_are_held(tiny_engine: Engine) -> None:
    assert tiny_engine.react("my dog died").hold > 0.9
    assert tiny_engine.react("so funny").hold < 0.1


def test_only_wanted_categories_come(tiny_engine: Engine) -> None:
    reply = tiny_engine.react("boom", 5, categories={"hug", "cry"})
    assert {reaction.categories[0] for reaction in reply.reactions} == {"hug", "cry"}
    assert len(reply.reactions) == 4


@pytest.mark.parametrize("batch", [1, 8])
def test_many_answers_equal_single_ones(tiny_engine: Engine, batch: int) -> None:
    texts = ["I miss you", "boom", "that is so very very funny", "died"] * 8
    for text, reply in zip(texts, tiny_engine.react_many(texts, 2, batch=batch), strict=True):
        alone = tiny_engine.react(text, 2)
        assert files(reply) == files(alone)
        assert reply.hold == pytest.approx(alone.hold, abs=1e-6)


def test_a_request_is_answered_like_its_parts(tiny_engine: Engine) -> None:
    reply = tiny_engine.answer(ReactRequest(text="boom", k=5, categories=["hug", "cry"]))
    assert files(reply) == files(tiny_engine.react("boom", 5, categories={"hug", "cry"}))


def test_embedded_messages_are_those_that_are_ranked(tiny_engine: Engine) -> None:
    vectors, holds = tiny_engine.embed_texts(["I miss you", "he died"])
    assert vectors.shape == (2, tiny.DIM)
    assert vectors[0] @ tiny.anchors()[0] > 0.9
    assert holds[1] == pytest.approx(tiny_engine.react("he died").hold, abs=1e-6)


def test_stages_are_timed(tiny_engine: Engine) -> None:
    timings = tiny_engine.react("boom").timings_ms
    assert set(timings) == {"prepare", "infer", "rank", "total"}
    assert timings["total"] == pytest.approx(sum(timings.values()) - timings["total"])


@pytest.mark.parametrize("text", ["", "   ", "\x00\x07\x1b", "\u200b\u200d"])
def test_messages_of_nothing_get_a_sentence(tiny_engine: Engine, text: str) -> None:
    with pytest.raises(MessageError, match="nothing to react to"):
        tiny_engine.react(text)
    with pytest.raises(MessageError, match="nothing to react to"):
        tiny_engine.react_many(["boom", text])


@pytest.mark.parametrize("k", [0, -3])
def test_a_count_below_one_gets_a_sentence(tiny_engine: Engine, k: int) -> None:
    with pytest.raises(MessageError, match="whole number from 1"):
        tiny_engine.react("boom", k)


def test_long_and_foreign_messages_are_answered_with_a_note(tiny_engine: Engine) -> None:
    long = tiny_engine.react("I miss you " * 10_000)
    assert files(long)[0] == "hug.gif"
    assert long.notes == ["The message is long: only its first 12 tokens were read."]
    foreign = tiny_engine.react("мне тебя не хватает")
    assert len(foreign.reactions) == 3
    assert "trained on English" in foreign.notes[0]
    assert tiny_engine.react("I miss you").notes == []


@given(st.text(st.characters(), max_size=80))
def test_any_text_gets_an_answer_or_a_sentence(tiny_engine: Engine, text: str) -> None:
    try:
        reply = tiny_engine.react(text, 2)
    except MessageError:
        return
    assert len({reaction.id for reaction in reply.reactions}) == 2
    assert 0 <= reply.hold <= 1


def test_a_gif_vector_is_the_weighted_mix_of_picture_words_and_categories(
    tiny_bundle: Path, tiny_pack: Path
) -> None:
    bundle = load_bundle(tiny_bundle)
    embed = GifEmbedder(bundle, TextEncoder(bundle))
    entry = read_pack(tiny_pack).gifs[10]
    path = tiny_pack / entry.file
    vector = embed(path, entry)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    weights = [1.0, 0.5, 0.35]
    rows = [tiny.CATEGORIES.index(name) for name in ("laugh", "dance", "thumbs_up")]
    category = unit(np.array(weights, dtype=np.float32) @ tiny.anchors()[rows])
    text = TextEncoder(bundle).encode(TextEncoder(bundle).tokenise("laugh and party, party").ids)[0]
    image = embed._image_part(path)
    np.testing.assert_allclose(vector, unit(category + 0.2 * text + 0.1 * image), atol=1e-6)


def test_the_same_through_the_graph_index(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> None:
    exact = Engine.open(tiny_bundle, [tiny_pack], tmp_path / "c.sqlite")
    assert not list(tmp_path.glob("*.hnsw"))
    graph = Engine.open(tiny_bundle, [tiny_pack], tmp_path / "c.sqlite", exact_limit=1)
    assert len(list(tmp_path.glob("c-*.hnsw"))) == 4  # of the categories with more than one GIF
    for text in ("I miss you", "boom", "so sad"):
        for wanted in ((), {"hug", "dance"}, {"unheard of"}):
            found = files(graph.react(text, 5, categories=wanted))
            assert found == files(exact.react(text, 5, categories=wanted))
        assert files(graph.react(text, 100)) == files(exact.react(text, 100))


def test_gifs_to_avoid_and_rated_too_high_stay_out(tiny_bundle: Path, tmp_path: Path) -> None:
    pack = tiny.make_pack(tmp_path / "p")
    lines = (pack / "manifest.jsonl").read_text().splitlines()
    for place, rating in ((0, "r"), (8, "pg"), (1, "unheard of")):
        lines[place] = json.dumps(json.loads(lines[place]) | {"rating": rating})
    (pack / "manifest.jsonl").write_text("\n".join(lines))
    engine = Engine.open(tiny_bundle, [pack], tmp_path / "c.sqlite")
    assert files(engine.react("I miss you", 1)) == ["hug.gif"]
    assert files(engine.react("I miss you", 1, max_rating="pg-13")) == ["hug-sad.gif"]
    assert "hug" not in {r.categories[0] for r in engine.react("I miss you", 8, max_rating="g").reactions}
    assert "cry.gif" not in files(engine.react("so sad", 100, max_rating="r"))
    best = engine.react("boom", 1).reactions[0]
    assert best.rating == "g"
    everything = {r.id for r in engine.react("boom", 100).reactions}
    assert best.id not in {r.id for r in engine.react("boom", 3, avoid=[best.id]).reactions}
    assert engine.react("boom", 3, avoid=everything).reactions == []


def recoded(path: Path, copy: Path) -> str:
    """Return the fingerprint of a GIF made smaller, on white, with few colours."""
    with Image.open(path) as animation:
        frames = []
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            ground = Image.new("RGBA", animation.size, "white")
            ground.alpha_composite(animation.convert("RGBA"))
            frames.append(ground.convert("RGB").resize((27, 27)).quantize(8))
    frames[0].save(copy, save_all=True, append_images=frames[1:], duration=80)
    return fingerprint_file(copy).tobytes().hex()


def test_a_gif_that_looks_like_a_banned_one_stays_out(
    tiny_engine: Engine, tiny_pack: Path, tmp_path: Path
) -> None:
    hug, other = (gif for gif in tiny_engine.react("I miss you", 100).reactions if gif.categories[0] == "hug")
    ban = recoded(tiny_pack / "gifs" / "hug.gif", tmp_path / "copy.gif")
    assert len(ban) == len(hug.fingerprint) == 2 * BYTES
    assert ban != hug.fingerprint
    left = tiny_engine.answer(ReactRequest(text="I miss you", k=100, banned=["", ban])).reactions
    assert {gif.id for gif in tiny_engine.react("hi", 100).reactions} - {gif.id for gif in left} == {hug.id}
    assert left[0].id == other.id
    both = ReactRequest(text="I miss you", k=1, banned=[hug.fingerprint, other.fingerprint])
    assert tiny_engine.answer(both).reactions[0].categories[0] != "hug"
    everything = [gif.fingerprint for gif in tiny_engine.react("hi", 100).reactions]
    assert tiny_engine.answer(ReactRequest(text="hi", banned=everything)).reactions == []


def test_a_shift_changes_the_order_and_nothing_else(tiny_engine: Engine) -> None:
    plain = tiny_engine.react("I miss you", 12).reactions
    hug, dance = plain[0], next(gif for gif in plain if gif.categories == ["dance"])
    shifts = {dance.id: 1.0, hug.id: -0.5, "f" * 64: 1.0}
    moved = tiny_engine.answer(ReactRequest(text="I miss you", k=12, shifts=shifts)).reactions
    assert moved[0] == dance
    assert moved.index(hug) > moved.index(next(gif for gif in plain[1:] if gif.categories[0] == "hug"))
    assert sorted(moved, key=lambda gif: gif.id) == sorted(plain, key=lambda gif: gif.id)
    best = tiny_engine.answer(ReactRequest(text="I miss you", k=1, shifts=shifts)).reactions
    assert best == [dance]
    assert best[0].score < hug.score
    assert files(tiny_engine.answer(ReactRequest(text="boom", shifts={"f" * 64: 1.0}))) == files(
        tiny_engine.react("boom")
    )
    avoided = ReactRequest(text="I miss you", shifts=shifts, avoid=[dance.id])
    assert dance not in tiny_engine.answer(avoided).reactions


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"banned": ["not hexadecimal"]}, "420 hexadecimal digits"),
        ({"banned": ["abcd"]}, "420 hexadecimal digits"),
        ({"shifts": {"a": float("nan")}}, "from -1 to 1"),
        ({"shifts": {"a": -1.5}}, "from -1 to 1"),
    ],
    ids=str,
)
def test_wishes_that_cannot_be_granted_get_a_sentence(
    tiny_engine: Engine, wish: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MessageError, match=sentence):
        tiny_engine.answer(ReactRequest(text="boom", **wish))  # type: ignore[arg-type]


def test_an_older_catalogue_gets_fingerprints_at_the_next_start(
    tiny_bundle: Path, tiny_pack: Path, tmp_path: Path
) -> None:
    path = tmp_path / "c.sqlite"
    new = Engine.open(tiny_bundle, [tiny_pack], path)
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE fingerprints")
    db.close()
    again = Engine.open(tiny_bundle, [tiny_pack], path)
    assert again.react("boom", 12).reactions == new.react("boom", 12).reactions
    assert fingerprint_file(tiny_pack / "gifs" / "hug.gif").tobytes().hex() in {
        gif.fingerprint for gif in again.react("boom", 12).reactions
    }


def test_a_changed_gif_is_refused_by_name(tiny_bundle: Path, tmp_path: Path) -> None:
    pack = tiny.make_pack(tmp_path / "p")
    (pack / "gifs" / "cry.gif").write_bytes((pack / "gifs" / "hug.gif").read_bytes())
    with pytest.raises(PackError, match=r"cry\.gif is not the one of the manifest"):
        Engine.open(tiny_bundle, [pack], tmp_path / "c.sqlite")


def test_a_category_that_the_model_does_not_know_is_named(tmp_path: Path, tiny_pack: Path) -> None:
    names = ["embrace", *tiny.CATEGORIES[1:]]
    bundle = tiny.make_bundle(tmp_path / "b", categories={"names": names, "file": "categories.npy"})
    with pytest.raises(PackError, match='category "hug", which the model tiny 1 does not know'):
        Engine.open(bundle, [tiny_pack], tmp_path / "c.sqlite")


def test_nothing_is_written_when_the_bundle_is_bad(tiny_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        Engine.open(tmp_path / "nowhere", [tiny_pack], tmp_path / "data" / "c.sqlite")
    assert not (tmp_path / "data").exists()


def test_a_second_pack_joins_in(tiny_bundle: Path, tiny_pack: Path, tmp_path: Path) -> None:
    more = tiny.make_pack(tmp_path / "more", [("kiss.gif", "love love", ["hearts"], ["joy"])])
    engine = Engine.open(tiny_bundle, [tiny_pack, more], tmp_path / "c.sqlite")
    assert len(engine) == len(tiny.GIFS) + 1
    assert files(Engine.open(tiny_bundle, [more], tmp_path / "c.sqlite").react("boom")) == ["kiss.gif"]
