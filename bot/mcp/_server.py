"""The server: the tools under their names, errors as sentences, a line in the log for each call."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

from mcp.server import MCPServer
from mcp.types import CallToolResult, TextContent, ToolAnnotations

from bot.library import Library
from bot.mcp import _words
from bot.mcp._tools import Tools
from inference.client import ReactionService
from inference.errors import ReparteeError
from inference.logs import get_logger, where_of

Tool = Callable[..., Awaitable[Any]]

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
EDITS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
REMOVES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)


def make_server(
    service: ReactionService, library: Library, *, scope: str = "", is_read_only: bool = False
) -> MCPServer[Any]:
    """Put the server together.

    Args:
        service: ranks GIFs.
        library: the packs.
        scope: the server or workspace whose packs are seen and added to, empty for those of everybody.
        is_read_only: leave out the tools that change packs.
    """
    tools = Tools(service, library, scope)
    server: MCPServer[Any] = MCPServer(
        "repartee",
        title="Repartee",
        instructions=_words.INSTRUCTIONS,
        version=version("repartee"),
        log_level="WARNING",
    )
    offered: list[tuple[Tool, str, str, ToolAnnotations]] = [
        (tools.react, "React with a GIF", _words.REACT, READS),
        (tools.find_gifs, "Find GIFs", _words.FIND_GIFS, READS),
        (tools.list_packs, "List packs", _words.LIST_PACKS, READS),
    ]
    if not is_read_only:
        offered += [
            (tools.add_gif, "Add a GIF", _words.ADD_GIF, ADDS),
            (tools.edit_gif, "Edit a GIF", _words.EDIT_GIF, EDITS),
            (tools.remove_gif, "Remove a GIF", _words.REMOVE_GIF, REMOVES),
        ]
    for tool, title, description, hints in offered:
        server.add_tool(
            _explained(tool),
            title=title,
            description=description,
            annotations=hints,
            structured_output=True,
        )
    return server


def _explained(tool: Tool) -> Tool:
    """Answer failures with the sentence alone, and log each call without what was said in it."""
    name = tool.__name__
    log = get_logger("mcp")

    @functools.wraps(tool)
    async def call(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        failure = ""
        try:
            return await tool(*arguments, **named)
        except ReparteeError as error:
            failure = type(error).__name__
            return _failed(str(error))
        except Exception as error:
            failure = where_of(error)
            return _failed(_words.FAULT.format(error=type(error).__name__))
        finally:
            log.info("tool", tool=name, ms=round(1000 * (time.perf_counter() - began), 1), failure=failure)

    return call


def _failed(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
