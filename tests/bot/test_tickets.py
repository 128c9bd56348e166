import pytest

from bot.errors import ExpiredError
from bot.tickets import Tickets


def test_a_ticket_is_good_for_all_processes_with_the_token() -> None:
    ticket = Tickets("token").issue()
    Tickets("token").check(ticket)
    assert len(ticket) == 32
    assert len({Tickets("token").issue() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "change", [lambda t: "x" + t[1:], lambda t: t[:-1] + "g", lambda t: "", lambda t: "é" * 32]
)
def test_what_was_not_issued_is_refused(change: object) -> None:
    assert callable(change)
    with pytest.raises(ExpiredError):
        Tickets("token").check(change(Tickets("token").issue()))


def test_another_token_makes_other_tickets() -> None:
    with pytest.raises(ExpiredError):
        Tickets("other").check(Tickets("token").issue())
