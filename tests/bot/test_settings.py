import os
import re
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest

from bot.cli._settings import ROOT, SettingError, read_settings
from bot.cli.messages import HELP_EPILOG

NAMES = re.compile(r"\bREPARTEE_(?!WORKER|WEB)[A-Z_]+")
LINES = re.compile(r"^(REPARTEE_(?!WORKER_|WEB_)[A-Z_]+)=(.+)$", re.MULTILINE)
EXAMPLE = dict(LINES.findall((ROOT / ".env.example").read_text()))


class Recorder(MutableMapping[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values_ = values
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return self.values_[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.values_[name] = value

    def __delitem__(self, name: str) -> None:
        del self.values_[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


def test_the_example_and_the_help_name_just_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Recorder({"HOME": "/home/anna"})
    monkeypatch.setattr(os, "environ", environment)
    read_settings()
    read = {name for name in environment.asked if name.startswith("REPARTEE_")}
    assert read == set(EXAMPLE)
    assert read == set(NAMES.findall(HELP_EPILOG))
    assert read == set(NAMES.findall((ROOT / "bot" / "cli" / "_settings.py").read_text()))


def test_the_values_of_the_example_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EXAMPLE.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert settings.bundle == Path("assets/models/house")
    assert settings.captioner == Path("assets/models/captioner")
    assert settings.packs == (Path("assets/packs/fluent"),)
    assert settings.catalogue == Path("data/catalogue.sqlite")
    assert settings.bench == Path("../shared/reactbench/dev.jsonl")
    assert settings.threads == 1


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", " "])
def test_threads_are_a_whole_number_from_1_up(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REPARTEE_THREADS", value)
    with pytest.raises(SettingError, match="REPARTEE_THREADS must be a whole number"):
        read_settings()


@pytest.mark.parametrize("value", ["", "none", " None "])
def test_captions_are_switched_off_by_nothing_or_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REPARTEE_CAPTIONER", value)
    assert read_settings().captioner is None


def test_the_captioner_that_came_along_is_used_from_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REPARTEE_CAPTIONER", raising=False)
    monkeypatch.setattr("bot.cli._settings.ROOT", tmp_path)
    assert read_settings().captioner is None
    shipped = tmp_path / "assets" / "models" / "captioner"
    shipped.mkdir(parents=True)
    assert read_settings().captioner == shipped


def test_several_packs_are_separated_like_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_PACKS", os.pathsep.join(["one", "two"]))
    assert read_settings().packs == (Path("one"), Path("two"))
