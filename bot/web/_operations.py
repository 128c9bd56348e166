"""All that the interface can do: one table, of which the routes and the description are made."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bot.web import _records as records


@dataclass(frozen=True)
class Parameter:
    """A part of an address, or of its query where `is_query`."""

    name: str
    text: str
    is_query: bool = True
    is_number: bool = False


@dataclass(frozen=True)
class Operation:
    """A method at an address.

    `takes` and `gives` are bodies as JSON; `media` is what is given instead where that is no JSON. A form
    takes a part named `file` beside the fields of `takes`. An operation that `streams` tells its stages, a
    line each, to who accepts `application/x-ndjson`.
    """

    name: str
    method: str
    path: str
    summary: str
    gives: type[msgspec.Struct] | None = None
    takes: type[msgspec.Struct] | None = None
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()
    status: int = 200
    media: str = ""
    is_form: bool = False
    streams: bool = False


SCOPE = Parameter(
    "scope", "`shared`, `shipped`, or a server or workspace such as `discord:123`", is_query=False
)
ID = Parameter("id", "Id of the GIF: the sha256 of its file", is_query=False)
PACK = Parameter("pack", "Name of the pack", is_query=False)
BODY_ERRORS = (413, 415, 422)
INTAKE_ERRORS = (409, *BODY_ERRORS, 503)

OPERATIONS = (
    Operation(
        "react",
        "POST",
        "/api/react",
        "Rank GIFs for a message. It is neither logged nor stored.",
        records.ReactAnswer,
        records.ReactBody,
        errors=(*BODY_ERRORS, 503),
    ),
    Operation("packs", "GET", "/api/packs", "List packs and scopes.", records.PacksAnswer, errors=(503,)),
    Operation(
        "download",
        "GET",
        "/api/packs/{scope}/{pack}/zip",
        "Take an own pack home: a ZIP archive with manifest.jsonl and gifs/, which REPARTEE_PACKS takes.",
        parameters=(SCOPE, PACK),
        errors=(404,),
        media="application/zip",
    ),
    Operation(
        "search",
        "GET",
        "/api/gifs",
        "Find GIFs by words in name, tags, alt text and picture; own ones first, the newest before.",
        records.GifsAnswer,
        parameters=(
            Parameter("text", "Words, all of which must be there"),
            Parameter("scope", "Only those of this scope; `shipped` for those that came with the program"),
            Parameter("pack", "Only those of packs of this name"),
            Parameter("category", "Only those of this category"),
            Parameter("offset", "How many to leave out", is_number=True),
            Parameter("limit", "How many at most: 48 where nothing is said, up to 200", is_number=True),
        ),
        errors=(400,),
    ),
    Operation(
        "add",
        "POST",
        "/api/gifs",
        "Add a GIF, animated WebP, APNG or short MP4 out of a form; lists are separated by commas.",
        records.Added,
        records.AddBody,
        errors=INTAKE_ERRORS,
        status=201,
        is_form=True,
        streams=True,
    ),
    Operation(
        "add_url",
        "POST",
        "/api/gifs/url",
        "Fetch a link from a public host and add the GIF that is there.",
        records.Added,
        records.AddUrlBody,
        errors=INTAKE_ERRORS,
        status=201,
        streams=True,
    ),
    Operation(
        "show",
        "GET",
        "/api/gifs/{scope}/{id}",
        "Describe one GIF.",
        records.GifView,
        parameters=(SCOPE, ID),
        errors=(404,),
    ),
    Operation(
        "change",
        "PATCH",
        "/api/gifs/{scope}/{id}",
        "Change what is said of an own GIF; it is found by that within two seconds.",
        records.GifView,
        records.GifPatch,
        parameters=(SCOPE, ID),
        errors=(404, *BODY_ERRORS),
    ),
    Operation(
        "remove",
        "DELETE",
        "/api/gifs/{scope}/{id}",
        "Remove an own GIF; the answer describes what is gone.",
        records.GifView,
        parameters=(SCOPE, ID),
        errors=(404,),
    ),
    Operation(
        "feedback",
        "GET",
        "/api/feedback",
        "Count what servers and workspaces liked and what not.",
        records.FeedbackAnswer,
        parameters=(
            Parameter("scope", "Only votes of this scope"),
            Parameter("id", "Only votes on this GIF"),
        ),
        errors=(503,),
    ),
    Operation(
        "gif",
        "GET",
        "/gifs/{id}",
        "The file of a GIF.",
        parameters=(ID,),
        errors=(404,),
        media="image/gif",
    ),
    Operation(
        "still",
        "GET",
        "/gifs/{id}/still",
        "A picture of a GIF that does not move.",
        parameters=(ID,),
        errors=(404,),
        media="image/png",
    ),
    Operation(
        "session",
        "GET",
        "/api/session",
        "Tell the page what it needs; programs with a token do without.",
        records.SessionView,
    ),
    Operation(
        "description",
        "GET",
        "/api/openapi.json",
        "This interface as OpenAPI 3.1.",
        media="application/json",
    ),
)
