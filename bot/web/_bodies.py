"""What comes in with a request, read within limits and checked."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from typing import TypeVar

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot.web._errors import ApiError
from bot.web._records import SHARED, SHIPPED, AddBody
from bot.web.messages import (
    BAD_BODY,
    BAD_NUMBER,
    BAD_SCOPE,
    NO_CATEGORY,
    NO_FILE,
    NOT_A_FORM,
    NOT_JSON,
    RULES,
    TOO_LARGE_FILE,
    TOO_LONG_BODY,
)
from inference.ingest import MIB
from inference.metrics import POPULAR

JSON_BYTES = 256 * 1024
FORM_BYTES = 64 * 1024  # that a form may take beside its file
END_BYTES = 8
LISTS = ("tags", "categories")

Body = TypeVar("Body", bound=msgspec.Struct)
AddKind = TypeVar("AddKind", bound=AddBody)


def answer(body: msgspec.Struct, status: int = 200) -> Response:
    """Return a struct as JSON."""
    return Response(msgspec.json.encode(body), status, media_type="application/json")


async def read_json(request: Request, kind: type[Body]) -> Body:
    """Read a body.

    Raises:
        ApiError: 413, 415 or 422, it is too long, no JSON, or not what is expected.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "content_type", NOT_JSON)
    too_long = ApiError(413, "too_large", TOO_LONG_BODY.format(most=JSON_BYTES))
    body = b"".join([part async for part in limited(request, JSON_BYTES, too_long)])
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ApiError(422, "body", BAD_BODY.format(reason=_reason(error))) from None


async def read_form(request: Request, most: int) -> tuple[UploadFile, AddBody]:
    """Read a form with a file of at most `most` bytes; who calls closes the file.

    Raises:
        ApiError: 413, 415 or 422, it is too large, no form, or not what is expected.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise ApiError(415, "content_type", NOT_A_FORM)
    too_large = ApiError(413, "too_large", TOO_LARGE_FILE.format(most_mib=most / MIB))
    stream = _whole(limited(request, most + FORM_BYTES, too_large))
    try:
        form = await MultiPartParser(request.headers, stream, max_files=1, max_fields=20).parse()
    except (MultiPartException, HTTPException, KeyError):
        raise ApiError(422, "form", NOT_A_FORM) from None
    file = form.get("file")
    if not isinstance(file, UploadFile):
        await form.close()
        raise ApiError(422, "form", NO_FILE)
    try:
        if (file.size or 0) > most:
            raise too_large
        said = {name: value for name, value in form.items() if isinstance(value, str)}
        return file, read_said(said)
    except BaseException:
        await form.close()
        raise


def read_said(said: dict[str, str]) -> AddBody:
    """Read the fields of a form; tags and categories are separated by commas.

    Raises:
        ApiError: 422, a field is not what is expected.
    """
    lists = {
        name: [part.strip() for part in said[name].split(",") if part.strip()]
        for name in LISTS
        if name in said
    }
    given = {name: value for name, value in said.items() if value and name not in LISTS}
    try:
        body = msgspec.convert({**given, **lists}, AddBody)
    except msgspec.ValidationError as error:
        raise ApiError(422, "form", BAD_BODY.format(reason=_reason(error))) from None
    check_categories(body.categories)
    return body


def check_categories(names: Sequence[str]) -> None:
    """Refuse categories that there are not.

    Raises:
        ApiError: 422, names the first.
    """
    for name in names:
        if name not in POPULAR:
            raise ApiError(422, "category", NO_CATEGORY.format(category=name))


def read_scope(spoken: str) -> str:
    """Check a scope that stands in an address.

    Raises:
        ApiError: 404, there is none of that name.
    """
    if spoken in (SHARED, SHIPPED) or ":" in spoken:
        return spoken
    raise ApiError(404, "scope", BAD_SCOPE.format(scope=spoken))


def read_number(request: Request, name: str, default: int, most: int) -> int:
    """Read a number from 0 up out of the query.

    Raises:
        ApiError: 400, it is none.
    """
    said = request.query_params.get(name) or str(default)
    if not (said.isascii() and said.isdecimal() and len(said) < 10 and int(said) <= most):
        raise ApiError(400, "number", BAD_NUMBER.format(name=name, least=0, most=most))
    return int(said)


def _reason(error: Exception) -> str:
    """Say what is wrong with a body; people who fill in a form have no use for a regular expression."""
    said = str(error)
    place = re.search(r"(?:of length|matching regex) .*at `\$\.(\w+)", said)
    return RULES.get(place[1], said) if place else said


async def _whole(stream: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Give a form piece by piece; one that is cut short is refused: its parser would keep the file open.

    Raises:
        ApiError: 422, the end is missing.
    """
    end = b""
    async for part in stream:
        end = (end + part)[-END_BYTES:]
        yield part
    if not end.rstrip().endswith(b"--"):
        raise ApiError(422, "form", NOT_A_FORM)


async def limited(request: Request, most: int, too_much: ApiError) -> AsyncGenerator[bytes, None]:
    """Give a body piece by piece, and stop as soon as it is too long.

    Raises:
        ApiError: it is; where its length is announced, before any of it is read.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > most:
        raise too_much
    received = 0
    try:
        async for part in request.stream():
            received += len(part)
            if received > most:
                raise too_much
            yield part
    except ClientDisconnect:
        raise ApiError(400, "cut", BAD_BODY.format(reason="the connection was cut")) from None
