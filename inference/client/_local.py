"""The service in the process that asks: an engine and threads that run it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING, Self

from inference.client._service import BUSY, CLOSED, LATE, completed
from inference.errors import BusyError, DeadlineError, ReparteeError, ServiceError, StageError
from inference.protocol import ReactReply, ReactRequest

if TYPE_CHECKING:
    from inference.engine import Engine  # brings onnxruntime, which an adapter does without

QUEUE_LIMIT = 256
FAILED = "The model failed at this message ({error})."


class LocalService:
    """An engine behind the protocol of all services; `threads` requests are answered at a time."""

    def __init__(self, engine: Engine, *, threads: int = 1, queue_limit: int = QUEUE_LIMIT) -> None:
        self._engine: Engine | None = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="react")
        self._queue_limit = queue_limit
        self._waiting = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __len__(self) -> int:
        """Return the number of GIFs."""
        return len(self._opened)

    async def react(self, request: ReactRequest) -> ReactReply:
        """Rank GIFs for a message.

        Raises:
            MessageError: the request cannot be answered.
            BusyError: too many requests wait already.
            DeadlineError: it was not answered within its `timeout_s`.
            ServiceError: the service is closed.
        """
        engine = self._opened
        if self._waiting >= self._queue_limit:
            raise BusyError(BUSY)
        request = completed(request)
        self._waiting += 1
        try:
            async with asyncio.timeout(request.timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._pool, engine.answer, request)
        except TimeoutError as error:
            raise DeadlineError(LATE.format(timeout_s=request.timeout_s)) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._engine is None and not (task and task.cancelling()):  # closed before it had begun
                raise ServiceError(CLOSED) from None
            raise
        except ReparteeError:
            raise
        except Exception as error:  # its text may quote the message
            raise StageError(FAILED.format(error=type(error).__name__)) from None
        finally:
            self._waiting -= 1

    @property
    def engine(self) -> Engine:
        """What answers now.

        Raises:
            ServiceError: the service is closed.
        """
        return self._opened

    def renew(self, old: Engine, new: Engine) -> None:
        """Answer with a renewed engine, unless the one that it was made of answers no more."""
        if self._engine is old:
            self._engine = new

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

    async def close(self) -> None:
        """Free the model and the index; what has begun is finished."""
        self._engine = None
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    @property
    def bundle(self) -> str:
        """Name and version of the model."""
        return self._opened.bundle.label

    @property
    def catalogue(self) -> str:
        """Version of the catalogue's content."""
        return self._opened.catalogue_version

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise ServiceError(CLOSED)
        return self._engine
