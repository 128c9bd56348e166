import msgspec
import pytest

from inference import errors
from inference.protocol import ErrorReply
from inference.wire import CODES, Keys, error_reply, read_entry, to_error

FIELDS = {
    b"v": b"1",
    b"id": b"abc",
    b"trace": b"t",
    b"deadline": b"1700000005000",
    b"reply": b"r",
    b"call": b"7",
    b"payload": b"\x80",
}


def test_an_entry_is_read_field_by_field() -> None:
    entry = read_entry(b"1700000000000-3", FIELDS, deliveries=2)
    assert (entry.version, entry.id, entry.trace, entry.reply, entry.call) == (1, "abc", "t", "r", "7")
    assert entry.deadline_ms == 1_700_000_005_000
    assert entry.added_ms == 1_700_000_000_000
    assert (entry.payload, entry.deliveries) == (b"\x80", 2)


@pytest.mark.parametrize("missing", FIELDS)
def test_an_entry_that_lacks_a_field_is_still_an_entry(missing: bytes) -> None:
    entry = read_entry(b"1700000000000-0", {k: v for k, v in FIELDS.items() if k != missing})
    assert entry.deadline_ms == 1_700_000_005_000
    if missing == b"v":
        assert entry.version == 0


@pytest.mark.parametrize("garbage", [b"", b"\xff\xfe", b"-1", b"1e9", "\u0663".encode()])
def test_garbage_in_numbers_is_no_crash(garbage: bytes) -> None:
    entry = read_entry(b"1700000000000-0", FIELDS | {b"v": garbage, b"deadline": garbage})
    assert entry.version in (0, 3)
    assert entry.deadline_ms in (1_700_000_005_000, 3)


@pytest.mark.parametrize("code", CODES)
def test_each_error_comes_back_as_what_it_was(code: str) -> None:
    reply = error_reply(CODES[code]("because"), "t")
    assert reply == ErrorReply(code=code, text="because", trace="t")
    back = to_error(reply)
    assert type(back) is CODES[code]
    assert str(back) == "because"


def test_a_subclass_goes_as_the_nearest_known_class() -> None:
    class RareError(errors.BusyError):
        pass

    assert error_reply(RareError("x")).code == "busy"
    assert error_reply(errors.PackError("x")).code == "service"


def test_what_an_unexpected_error_says_is_not_passed_on() -> None:
    reply = error_reply(ValueError("my secret message"))
    assert reply.code == "stage"
    assert "secret" not in reply.text
    assert "ValueError" in reply.text


def test_a_code_of_later_days_is_a_service_error() -> None:
    assert type(to_error(ErrorReply(code="later", text="x"))) is errors.ServiceError


def test_all_keys_lie_in_one_slot_of_a_cluster() -> None:
    keys = Keys("ns")
    names = [keys.requests, keys.workers, keys.control, keys.cache, keys.replies("c"), keys.answered("i")]
    assert all(name.startswith("{ns}:") for name in names)
    assert len(set(names)) == len(names)


def test_the_replies_of_both_kinds_differ_on_the_wire() -> None:
    assert (
        msgspec.msgpack.decode(msgspec.msgpack.encode(ErrorReply(code="busy", text="x")))["type"] == "error"
    )
