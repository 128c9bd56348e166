"""What every request passes before it is looked at: the host's name, the token, where a change comes from."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web._errors import ApiError, explain_fault, failure
from bot.web._gate import Gate
from bot.web.messages import FOREIGN_ORIGIN, NO_CHANGE_TOKEN, NOT_LOGGED_IN, WRONG_HOST, WRONG_TOKEN

COOKIE = "repartee"
CHANGE_HEADER = "x-csrf-token"
LOGIN = "/login"
OPEN = ("/static/", "/healthz", LOGIN)
PAGES = ("/", "/api")
READING = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers hide the origin of the login form
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Hosts:
    """By which names the page may be called: its own, and those that nobody else can give away.

    Another site can let its own name point here (DNS rebinding), but then the browser says that name.
    """

    is_loopback: bool
    name: str = ""

    def has(self, said: str) -> bool:
        """Whether a Host header names this place."""
        try:
            host = urlsplit(f"//{said}").hostname or ""
        except ValueError:
            return False
        if host == "localhost" or (self.name and host == self.name.lower()):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return address.is_loopback or not self.is_loopback


class Guard:
    """Stands before the application; adds the headers that confine a page."""

    def __init__(self, app: ASGIApp, gate: Gate, hosts: Hosts) -> None:
        self._app = app
        self._gate = gate
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            return  # nothing else is served here: a WebSocket is refused by that
        request = Request(scope)
        is_begun = False

        async def confined(message: Message) -> None:
            nonlocal is_begun
            if message["type"] == "http.response.start":
                is_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            refused = self._refuse(request)
            await (refused or self._app)(scope, receive, confined)
        except Exception as error:  # its text may quote a message, so the server must not log it
            response = await explain_fault(request, error)
            if not is_begun:
                await response(scope, receive, confined)

    def _refuse(self, request: Request) -> Response | None:
        try:
            self._check(request)
        except ApiError as error:
            wants_page = path_of(request) in PAGES and request.method in READING
            return RedirectResponse(LOGIN, 303) if error.status == 401 and wants_page else failure(error)
        return None

    def _check(self, request: Request) -> None:
        path = path_of(request)
        if path == "/healthz":
            return
        if not self._hosts.has(request.headers.get("host", "")):
            raise ApiError(421, "host", WRONG_HOST)
        if path.startswith(OPEN):
            if request.method not in READING:
                check_origin(request.headers)
            return
        if authorization := request.headers.get("authorization", ""):
            self._check_bearer(request, authorization)
        else:
            self._check_session(request)

    def _check_bearer(self, request: Request, authorization: str) -> None:
        address = address_of(request)
        self._gate.attempts.check(address)
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not self._gate.is_token(token.strip()):
            self._gate.attempts.note(address)
            raise ApiError(401, "token", WRONG_TOKEN)

    def _check_session(self, request: Request) -> None:
        session = self._gate.read(request.cookies.get(COOKIE, ""))
        if not session:
            raise ApiError(401, "login", NOT_LOGGED_IN)
        if request.method not in READING:
            check_origin(request.headers)
            if not self._gate.may_change(session, request.headers.get(CHANGE_HEADER, "")):
                raise ApiError(403, "csrf", NO_CHANGE_TOKEN)
        request.state.session = session


def check_origin(headers: Headers) -> None:
    """Refuse what another site lets a browser send.

    Raises:
        ApiError: 403, it does not come from a page of ours.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_ours = origin is not None and urlsplit(origin).netloc == headers.get("host")
    if site not in (None, "same-origin") or not (is_ours or (site and origin is None)):
        raise ApiError(403, "origin", FOREIGN_ORIGIN)


def path_of(request: Request) -> str:
    """Return the path that is routed; that of `request.url` can be made up by a Host header with a slash."""
    return str(request.scope["path"])


def address_of(request: Request) -> str:
    """Return where a request comes from."""
    return request.client.host if request.client else "?"
