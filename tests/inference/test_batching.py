from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.batching import Batcher


@dataclass(frozen=True)
class Item:
    name: int
    length: int
    deadline_ms: int = 1_000


def batcher(max_batch: int, *items: Item) -> Batcher[Item]:
    made: Batcher[Item] = Batcher(max_batch)
    made.add(items)
    return made


def test_the_oldest_goes_first_with_those_nearest_to_it_in_length() -> None:
    waiting = batcher(3, *(Item(n, length) for n, length in enumerate([20, 3, 90, 19, 22, 4])))
    assert [item.length for item in waiting.take(0).items] == [19, 20, 22]
    assert [item.length for item in waiting.take(0).items] == [3, 4, 90]
    assert waiting.take(0).items == []


def test_nobody_waits_for_a_batch_to_fill() -> None:
    assert [item.name for item in batcher(8, Item(7, 5)).take(0).items] == [7]


def test_what_is_past_its_deadline_is_dropped_and_named() -> None:
    waiting = batcher(8, Item(0, 5, deadline_ms=100), Item(1, 5, deadline_ms=101), Item(2, 5, deadline_ms=50))
    batch = waiting.take(100)
    assert [item.name for item in batch.items] == [1]
    assert {item.name for item in batch.expired} == {0, 2}
    assert len(waiting) == 0


def test_equal_lengths_keep_their_order_of_arrival() -> None:
    waiting = batcher(2, *(Item(n, 10) for n in range(4)))
    assert [item.name for item in waiting.take(0).items] == [0, 1]
    assert [item.name for item in waiting.take(0).items] == [2, 3]


@given(
    lengths=st.lists(st.tuples(st.integers(1, 128), st.integers(0, 5)), max_size=40),
    max_batch=st.integers(1, 9),
    now=st.integers(0, 5),
)
def test_each_comes_out_once_and_the_oldest_is_never_passed_over(
    lengths: list[tuple[int, int]], max_batch: int, now: int
) -> None:
    items = [Item(n, length, deadline) for n, (length, deadline) in enumerate(lengths)]
    waiting = batcher(max_batch, *items)
    alive = [item.name for item in items if item.deadline_ms > now]
    out: list[int] = []
    dropped: list[int] = []
    while len(waiting):
        batch = waiting.take(now)
        dropped += [item.name for item in batch.expired]
        names = [item.name for item in batch.items]
        assert len(names) <= max_batch
        assert [item.length for item in batch.items] == sorted(item.length for item in batch.items)
        if names:
            assert next(name for name in alive if name not in out) in names
        out += names
    assert sorted(out) == alive
    assert sorted(out + dropped) == list(range(len(items)))


@pytest.mark.parametrize("count", [1, 3])
def test_it_knows_how_many_wait(count: int) -> None:
    assert len(batcher(8, *(Item(n, 1) for n in range(count)))) == count
