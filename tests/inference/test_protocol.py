from pathlib import Path

import msgspec
import pytest

from inference.protocol import (
    READABLE_VERSIONS,
    SCHEMA_VERSION,
    ErrorReply,
    Reaction,
    ReactReply,
    ReactRequest,
    decode_reply,
    decode_request,
    encode,
    ranked_message,
)

SAMPLES = Path(__file__).parent / "data" / "wire"
REACTION = Reaction(
    id="ab",
    file="/p/hug.gif",
    name="Hug",
    categories=["hug", "awww"],
    alt_text="A hug.",
    score=0.5,
    confidence=0.7,
    why="because",
    code_point="1f917",
)
REPLY = ReactReply(hold=0.25, reactions=[REACTION], bundle="house 1", catalogue="c")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_reply_becomes_the_documented_json() -> None:
    assert msgspec.to_builtins(ranked_message("m1", REPLY)) == {
        "id": "m1",
        "hold": 0.25,
        "gifs": [
            {
                "id": "ab",
                "file": "/p/hug.gif",
                "code_point": "1f917",
                "categories": ["hug", "awww"],
                "score": 0.5,
                "alt_text": "A hug.",
            }
        ],
    }


def test_the_request_of_version_1_decodes_for_ever() -> None:
    assert decode_request((SAMPLES / "v1-request.msgpack").read_bytes()) == ReactRequest(
        text="I got the job!! \U0001f389",
        id="event-1",
        k=5,
        categories=["celebrate", "dance"],
        avoid=["ab" * 32],
        max_rating="pg",
        timeout_s=2.5,
        trace=TRACE,
    )


def test_the_reply_of_version_1_decodes_for_ever() -> None:
    reply = decode_reply((SAMPLES / "v1-reply.msgpack").read_bytes())
    assert isinstance(reply, ReactReply)
    assert (reply.hold, reply.hold_threshold, reply.is_held) == (0.125, 0.0839, True)
    assert (reply.bundle, reply.catalogue, reply.trace) == ("house 2026.11.22", "c827a190a29bfcbc", TRACE)
    assert reply.timings_ms == {"queue": 0.5, "infer": 2.0}
    assert (reply.is_cut, reply.is_foreign, len(reply.notes)) == (True, False, 1)
    (gif,) = reply.reactions
    assert (gif.id, gif.code_point, gif.rating) == ("cd" * 32, "1f389", "g")
    assert gif.categories == ["celebrate", "happy_dance"]
    assert (gif.score, gif.confidence) == (0.5, 0.75)


def test_the_error_of_version_1_decodes_for_ever() -> None:
    reply = decode_reply((SAMPLES / "v1-error.msgpack").read_bytes())
    assert reply == ErrorReply(code="busy", text="Too many messages wait.", trace=TRACE)


def test_every_readable_version_has_samples() -> None:
    assert SCHEMA_VERSION in READABLE_VERSIONS
    for version in READABLE_VERSIONS:
        assert len(list(SAMPLES.glob(f"v{version}-*.msgpack"))) == 3


def test_replies_survive_the_wire_and_newer_fields_are_ignored() -> None:
    assert decode_reply(encode(REPLY)) == REPLY
    newer = msgspec.msgpack.decode(encode(REPLY)) | {"later": 1}
    assert decode_reply(msgspec.msgpack.encode(newer)) == REPLY


def test_requests_survive_the_wire_and_older_readers_pass_over_what_they_do_not_know() -> None:
    request = ReactRequest(text="hi", banned=["ab" * 210, ""], shifts={"cd" * 32: -0.25, "ef" * 32: 1.0})
    assert decode_request(encode(request)) == request
    plain = msgspec.msgpack.decode(encode(ReactRequest(text="hi")))
    assert plain.keys().isdisjoint({"banned", "shifts"})


def test_a_request_needs_a_text_only() -> None:
    assert decode_request(msgspec.msgpack.encode({"text": "hi"})) == ReactRequest(text="hi", k=3)
    with pytest.raises(msgspec.ValidationError, match="text"):
        decode_request(msgspec.msgpack.encode({"k": 3}))
    with pytest.raises(msgspec.ValidationError, match="max_rating"):
        decode_request(msgspec.msgpack.encode({"text": "hi", "max_rating": "x"}))
