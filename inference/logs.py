"""Logs: one event a line on stderr, as JSON for machines or in colours for people. No message text, ever."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Literal

import structlog

Format = Literal["auto", "json", "console"]
Level = Literal["debug", "info", "warning", "error"]


def configure(style: Format = "auto", level: Level = "info") -> None:
    """Set the process's logs up.

    Args:
        style: `auto` is `console` where stderr is a terminal, else `json`.
        level: the least that is written.
    """
    is_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    renderer = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines carry the name of the part that speaks."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return logger


def where_of(error: BaseException) -> str:
    """Name the line of code that an error comes from; its text may quote the message and is left out."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {place}"
