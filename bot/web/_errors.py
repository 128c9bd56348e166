"""What goes wrong, as programs and people are told: a status, a code, a sentence."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bot.web._records import Failure, Problem
from bot.web.messages import BROKEN, NO_SUCH_PAGE, WRONG_METHOD
from inference.errors import (
    BusyError,
    DeadlineError,
    MessageError,
    RefusedError,
    ReparteeError,
    ServiceError,
    UnknownGifError,
)
from inference.logs import get_logger, where_of

RETRY_S = 2
REFUSED: Mapping[str, int] = {"too_large": 413, "unsupported": 415, "duplicate": 409, "pack_full": 409}
OF_ROUTING = {404: ("not_found", NO_SUCH_PAGE), 405: ("method", WRONG_METHOD)}


class ApiError(ReparteeError):
    """Why a request is not answered as it was meant to be."""

    def __init__(self, status: int, code: str, text: str, *, retry_s: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.retry_s = retry_s


def as_api_error(error: ReparteeError) -> ApiError:
    """Put an expected failure into the terms of HTTP."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, RefusedError):
        return ApiError(REFUSED.get(error.code, 422), error.code, str(error))
    if isinstance(error, UnknownGifError):
        return ApiError(404, "unknown_gif", str(error))
    if isinstance(error, MessageError):
        return ApiError(422, "message", str(error))
    if isinstance(error, BusyError | DeadlineError):
        return ApiError(503, "busy", str(error), retry_s=RETRY_S)
    if isinstance(error, ServiceError):
        return ApiError(503, "unavailable", str(error), retry_s=RETRY_S)
    return ApiError(500, "broken", str(error))


def failure(error: ApiError) -> Response:
    """Return the response that says what is wrong."""
    headers = {"Retry-After": str(error.retry_s)} if error.retry_s else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = Failure(error=Problem(code=error.code, text=str(error)))
    return Response(msgspec.json.encode(body), error.status, headers, "application/json")


async def explain(request: Request, error: Exception) -> Response:
    """Answer a request that ended with an expected failure."""
    assert isinstance(error, ReparteeError)
    return failure(as_api_error(error))


async def explain_routing(request: Request, error: Exception) -> Response:
    """Answer a request that no route takes."""
    status = int(getattr(error, "status_code", 404))
    code, text = OF_ROUTING.get(status, ("request", str(getattr(error, "detail", ""))))
    response = failure(ApiError(status, code, text))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def explain_fault(request: Request, error: Exception) -> Response:
    """Answer after a fault of ours; the log gets the place, not the text, which may quote a message."""
    get_logger("web").error("failed", path=request.scope["path"], where=where_of(error))
    return failure(ApiError(500, "broken", BROKEN))
