"""Settings of the long-running processes, out of the environment; options of the command line go before it.

The one-shot commands read theirs in `bot/cli/_settings.py`, as pydantic takes a third of a second to import.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.messages import BAD_SETTING, NEEDED
from inference.errors import ReparteeError


class SettingsError(ReparteeError):
    """A setting is missing or cannot be used."""


class RedisSettings(BaseSettings):
    """Where Redis or Valkey is, and how it is shared."""

    model_config = SettingsConfigDict(env_prefix="REDIS_", env_ignore_empty=True)

    url: SecretStr
    namespace: Annotated[str, Field(pattern=r"^[\w.-]+$")] = "repartee"
    queue_limit: Annotated[int, Field(ge=1, le=100_000)] = 512


class WorkerSettings(BaseSettings):
    """How `repartee worker` works."""

    model_config = SettingsConfigDict(env_prefix="REPARTEE_WORKER_", env_ignore_empty=True)

    threads: Annotated[int, Field(ge=1, le=256)] = 1
    batch: Annotated[int, Field(ge=1, le=1024)] = 8
    device: Literal["cpu", "cuda"] = "cpu"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9464
    cache: bool = True
    cache_size: Annotated[int, Field(ge=1, le=10_000_000)] = 10_000
    cache_life_s: Annotated[int, Field(ge=1, le=86_400)] = 600
    cache_key: SecretStr = SecretStr("")
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class DiscordSettings(BaseSettings):
    """How `repartee discord` works."""

    model_config = SettingsConfigDict(env_prefix="DISCORD_", env_ignore_empty=True)

    token: SecretStr
    message_content: bool = False
    api_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")] = "https://discord.com/api/v10"
    recent: Annotated[int, Field(ge=0, le=1000)] = 20
    pack_limit: Annotated[int, Field(ge=0, le=100_000)] = 500
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9465
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class SlackSettings(BaseSettings):
    """How `repartee slack` works: in Socket Mode with an app token, over HTTP with a signing secret."""

    model_config = SettingsConfigDict(env_prefix="SLACK_", env_ignore_empty=True)

    bot_token: SecretStr
    app_token: SecretStr = SecretStr("")
    signing_secret: SecretStr = SecretStr("")
    api_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")] = "https://slack.com/api/"
    gif_base_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    recent: Annotated[int, Field(ge=0, le=1000)] = 20
    pack_limit: Annotated[int, Field(ge=0, le=100_000)] = 500
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 9466
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class WebSettings(BaseSettings):
    """How `repartee web` works; with a token it may be open to other hosts, `name` is what they call it."""

    model_config = SettingsConfigDict(env_prefix="REPARTEE_WEB_", env_ignore_empty=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    name: Annotated[str, Field(pattern=r"^[\w.-]*$")] = ""
    token: SecretStr = SecretStr("")
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


Settings = TypeVar("Settings", bound=BaseSettings)


def read(kind: type[Settings], **given: Any) -> Settings:
    """Read settings; what is given (and not None) goes before the environment.

    Raises:
        SettingsError: names the variables that cannot be used, without their values.
    """
    try:
        return kind(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        problems = [(f"{prefix}{problem['loc'][0]}".upper(), problem["msg"]) for problem in error.errors()]
    for name, reason in problems:
        if reason == "Field required" and name in NEEDED:
            raise SettingsError(NEEDED[name])
    raise SettingsError("; ".join(BAD_SETTING.format(name=name, reason=reason) for name, reason in problems))
