"""Coming and going: the form, the session, and what the page has to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.web._bodies import answer, limited
from bot.web._errors import ApiError
from bot.web._files import html_response, page
from bot.web._gate import SESSION_LIFE_S, Gate
from bot.web._guard import COOKIE, address_of
from bot.web._records import SessionView
from bot.web.messages import TOO_LONG_BODY, WRONG_TOKEN
from inference.metrics import POPULAR
from inference.protocol import RATINGS

FORM_BYTES = 4_096


class Login:
    """Exchanges the token for a session."""

    def __init__(self, gate: Gate, stages: Sequence[str], max_bytes: int) -> None:
        self._gate = gate
        self._stages = list(stages)
        self._max_bytes = max_bytes

    async def form(self, request: Request) -> Response:
        """Return the form; who is logged in goes on to the page."""
        if self._gate.read(request.cookies.get(COOKIE, "")):
            return RedirectResponse("/", 303)
        return html_response(page("login.html", error=""))

    async def log_in(self, request: Request) -> Response:
        """Begin a session for who knows the token."""
        too_long = ApiError(413, "too_large", TOO_LONG_BODY.format(most=FORM_BYTES))
        body = b"".join([part async for part in limited(request, FORM_BYTES, too_long)])
        given = parse_qs(body.decode("latin-1"), keep_blank_values=True).get("token", [""])[0].strip()
        address = address_of(request)
        try:
            self._gate.attempts.check(address)
        except ApiError as error:
            response = html_response(page("login.html", error=str(error)), error.status)
            response.headers["Retry-After"] = str(error.retry_s)
            return response
        if not self._gate.is_token(given):
            self._gate.attempts.note(address)
            return html_response(page("login.html", error=WRONG_TOKEN), 401)
        self._gate.attempts.forget(address)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            COOKIE,
            self._gate.begin(),
            max_age=SESSION_LIFE_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session."""
        self._gate.end(getattr(request.state, "session", ""))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    async def session(self, request: Request) -> Response:
        """Tell the page what it needs."""
        session = getattr(request.state, "session", "")
        return answer(
            SessionView(
                csrf=self._gate.change_token(session) if session else "",
                categories=sorted(POPULAR),
                ratings=list(RATINGS),
                stages=self._stages,
                max_bytes=self._max_bytes,
            )
        )
