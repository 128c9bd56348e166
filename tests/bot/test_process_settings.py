import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from bot.cli.messages import DISCORD_EPILOG, SLACK_EPILOG, WEB_EPILOG, WORKER_EPILOG
from bot.settings import (
    DiscordSettings,
    RedisSettings,
    SettingsError,
    SlackSettings,
    WebSettings,
    WorkerSettings,
    read,
)

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^(?:# )?((?:REDIS|REPARTEE_WORKER|REPARTEE_WEB|DISCORD|SLACK)_[A-Z_]+)=(.*)$", re.M)
EXAMPLE = dict(LINE.findall((ROOT / ".env.example").read_text()))
CLASSES: tuple[type[BaseSettings], ...] = (
    RedisSettings,
    WorkerSettings,
    WebSettings,
    DiscordSettings,
    SlackSettings,
)


def names(kind: type[BaseSettings]) -> set[str]:
    return {f"{kind.model_config.get('env_prefix')}{field}".upper() for field in kind.model_fields}


def test_the_example_names_just_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(EXAMPLE) == set().union(*map(names, CLASSES))
    for name, value in EXAMPLE.items():
        monkeypatch.setenv(name, value)
    redis, worker = read(RedisSettings), read(WorkerSettings)
    assert redis.url.get_secret_value() == EXAMPLE["REDIS_URL"]
    assert worker.cache_key.get_secret_value() == ""  # a key that everybody can read would be none


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EXAMPLE.items():
        monkeypatch.setenv(name, value)
    for kind in CLASSES:
        shown = read(kind).model_dump()
        for field, info in kind.model_fields.items():
            if field not in ("url", "cache_key", "token", "bot_token", "app_token", "signing_secret"):
                assert shown[field] == info.default, field


def test_the_help_of_the_worker_names_them_all() -> None:
    shown = WORKER_EPILOG.replace(", _", ", REPARTEE_WORKER_")
    of_worker = {name for name in EXAMPLE if not name.startswith(("DISCORD_", "SLACK_", "REPARTEE_WEB_"))}
    assert set(re.findall(r"\b(?:REDIS|REPARTEE_WORKER)_[A-Z_]+", shown)) == of_worker


def test_the_help_of_the_bots_names_them_all() -> None:
    assert set(re.findall(r"\bDISCORD_[A-Z_]+", DISCORD_EPILOG)) == names(DiscordSettings)
    assert set(re.findall(r"\bSLACK_[A-Z_]+", SLACK_EPILOG)) == names(SlackSettings)


def test_the_help_of_the_page_names_them_all() -> None:
    assert set(re.findall(r"\bREPARTEE_WEB_[A-Z_]+", WEB_EPILOG)) == names(WebSettings)


def test_options_go_before_the_environment_and_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_WORKER_THREADS", "3")
    monkeypatch.setenv("REDIS_URL", "redis://:sesame@host/0")
    assert read(WorkerSettings).threads == 3
    assert read(WorkerSettings, threads=5, batch=None).threads == 5
    assert "sesame" not in repr(read(RedisSettings))
    monkeypatch.setenv("REDIS_NAMESPACE", "no spaces, sesame")
    with pytest.raises(SettingsError, match="REDIS_NAMESPACE cannot be used") as wrong:
        read(RedisSettings)
    assert "sesame" not in str(wrong.value)


def test_without_an_address_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(SettingsError, match="REDIS_URL is not set"):
        read(RedisSettings)


def test_without_a_token_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="DISCORD_TOKEN is not set"):
        read(DiscordSettings)
    monkeypatch.setenv("DISCORD_TOKEN", "sesame")
    monkeypatch.setenv("DISCORD_API_URL", "discord.com")
    with pytest.raises(SettingsError, match="DISCORD_API_URL cannot be used") as wrong:
        read(DiscordSettings)
    assert "sesame" not in str(wrong.value)
    assert "sesame" not in repr(read(DiscordSettings, api_url="http://127.0.0.1:1/api"))
