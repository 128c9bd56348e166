import msgspec
import pytest

from inference.protocol import Reaction, ReactReply, ReactRequest, ranked_message

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


def test_replies_survive_the_wire_and_newer_fields_are_ignored() -> None:
    wire = msgspec.to_builtins(REPLY) | {"later": 1}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(wire), type=ReactReply) == REPLY


def test_a_request_needs_a_text_only() -> None:
    assert msgspec.json.decode(b'{"text": "hi"}', type=ReactRequest) == ReactRequest(text="hi", k=3)
    with pytest.raises(msgspec.ValidationError, match="text"):
        msgspec.json.decode(b'{"k": 3}', type=ReactRequest)
