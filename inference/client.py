"""How an adapter asks for reactions, wherever the answer is made; here in the same process."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from inference.errors import ServiceError
from inference.protocol import ReactReply, ReactRequest

if TYPE_CHECKING:
    from inference.engine import Engine  # brings onnxruntime, which an adapter does without

CLOSED = "The service is closed and answers no more."


class ReactionService(Protocol):
    """Answers requests; who asks does not know in which process."""

    def react(self, request: ReactRequest) -> ReactReply:
        """Rank GIFs for a message.

        Raises:
            ReparteeError: the request cannot be answered, or the service answers no more.
        """

    def close(self) -> None:
        """Free what the service holds; it answers no more."""


class LocalService:
    """The service in the process that asks: an engine, and what is known of it."""

    def __init__(self, engine: Engine) -> None:
        self._engine: Engine | None = engine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Return the number of GIFs."""
        return len(self._opened)

    def react(self, request: ReactRequest) -> ReactReply:
        """Rank GIFs for a message.

        Raises:
            MessageError: the request cannot be answered.
            ServiceError: the service is closed.
        """
        return self._opened.answer(request)

    def check_text(self, text: str) -> None:
        """Refuse a message that cannot be answered.

        Raises:
            MessageError: nothing readable is in it.
        """
        self._opened.check_text(text)

    def check_count(self, k: int) -> None:
        """Refuse to pick fewer GIFs than one.

        Raises:
            MessageError: `k` is below 1.
        """
        self._opened.check_count(k)

    def close(self) -> None:
        """Free the model and the index."""
        self._engine = None

    @property
    def bundle(self) -> str:
        """Name and version of the model."""
        return self._opened.bundle.label

    @property
    def catalogue(self) -> str:
        """Version of the catalogue's content."""
        return self._opened.catalogue_version

    @property
    def hold_threshold(self) -> float:
        """Hold probability above which only gentle reactions fit."""
        return self._opened.bundle.spec.hold_threshold

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise ServiceError(CLOSED)
        return self._engine
