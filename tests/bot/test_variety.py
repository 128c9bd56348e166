from hypothesis import given
from hypothesis import strategies as st

from bot.records import SHOWN
from bot.variety import in_pages
from inference.protocol import Reaction


def gif(number: int, kind: str) -> Reaction:
    return Reaction(
        id=f"{kind}{number}",
        file="",
        name="",
        categories=[kind, "other"],
        alt_text="",
        score=0,
        confidence=0,
        why="",
        code_point="",
    )


def test_the_first_page_has_the_best_of_the_best_kinds_and_the_second_comes_back_to_them() -> None:
    kinds = ["hug", "cry", "laugh", "hearts", "sorry"]
    given_order = [gif(number, kind) for number in range(2) for kind in kinds]
    ordered = [reaction.id for reaction in in_pages(given_order)]
    assert ordered[:SHOWN] == ["hug0", "cry0", "laugh0"]
    assert ordered[SHOWN : 2 * SHOWN] == ["hearts0", "hug1", "sorry0"]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=40))
def test_all_come_once_each_kind_in_its_order_and_pages_are_varied(kinds: list[str]) -> None:
    reactions = [gif(number, kind) for number, kind in enumerate(kinds)]
    ordered = in_pages(reactions)
    assert sorted(r.id for r in ordered) == sorted(r.id for r in reactions)
    for kind in set(kinds):
        assert [r.id for r in ordered if r.categories[0] == kind] == [
            r.id for r in reactions if r.categories[0] == kind
        ]
    if len(set(kinds)) >= SHOWN:
        assert len({r.categories[0] for r in ordered[:SHOWN]}) == SHOWN
