from pathlib import Path

import pytest

from inference.client import LocalService, ReactionService
from inference.engine import Engine
from inference.errors import MessageError, ServiceError
from inference.protocol import ReactRequest


def ask(service: ReactionService, text: str) -> list[str]:
    """Ask as an adapter does, that knows of a service only this."""
    return [Path(gif.file).name for gif in service.react(ReactRequest(text=text, k=2)).reactions]


def test_a_request_gets_what_the_engine_answers(tiny_engine: Engine) -> None:
    service = LocalService(tiny_engine)
    assert ask(service, "I miss you")[0] == "hug.gif"
    only = service.react(ReactRequest(text="I miss you", categories=["dance"]))
    assert {gif.categories[0] for gif in only.reactions} == {"dance"}
    assert len(service) == len(tiny_engine)
    assert service.bundle == "tiny 1"
    assert service.catalogue == tiny_engine.catalogue_version
    assert service.hold_threshold == 0.5


def test_what_cannot_be_answered_is_refused(tiny_engine: Engine) -> None:
    service = LocalService(tiny_engine)
    with pytest.raises(MessageError, match="nothing to react to"):
        ask(service, " ")
    with pytest.raises(MessageError, match="nothing to react to"):
        service.check_text("\x07")
    with pytest.raises(MessageError, match="whole number from 1"):
        service.check_count(0)


def test_a_closed_service_says_so(tiny_engine: Engine) -> None:
    with LocalService(tiny_engine) as service:
        assert ask(service, "boom")
    with pytest.raises(ServiceError, match="closed"):
        ask(service, "boom")
    service.close()
