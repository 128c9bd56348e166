"""Who comes in, how long, how often one may guess."""

from __future__ import annotations

import pytest

from bot.cli._web import check_exposure, is_loopback
from bot.settings import SettingsError, WebSettings
from bot.web import Gate, Hosts
from bot.web._errors import ApiError
from bot.web._gate import GUESSES, SESSION_LIFE_S, WINDOW_S


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_only_the_token_is_the_token() -> None:
    gate = Gate("sesame-sesame")
    assert gate.is_token("sesame-sesame")
    assert not any(map(gate.is_token, ("", "sesame", "sesame-sesame ", "Sesame-sesame", "sésame\udc80")))


def test_a_session_ends_by_itself_and_before() -> None:
    clock = Clock()
    gate = Gate("sesame", clock=clock)
    first, second = gate.begin(), gate.begin()
    assert gate.read(first)
    assert gate.read(first) != gate.read(second)
    gate.end(gate.read(first))
    assert (gate.read(first), bool(gate.read(second))) == ("", True)
    clock.now += SESSION_LIFE_S
    assert gate.read(second) == ""


def test_nobody_makes_a_session_up() -> None:
    gate, cookie = Gate("sesame"), Gate("sesame").begin()
    ends, nonce, seal = cookie.split(".")
    assert gate.read(cookie)
    forged = (
        "",
        "..",
        nonce,
        f"{int(ends) + 1}.{nonce}.{seal}",
        f"{ends}.{nonce}x.{seal}",
        f"{ends}.{nonce}.{seal[:-1]}é",
        Gate("other").begin(),
        f"{ends}.{nonce}.{gate.change_token(f'{ends}.{nonce}')}",
    )
    assert [gate.read(made) for made in forged] == [""] * len(forged)


def test_the_token_of_changes_belongs_to_one_session() -> None:
    gate = Gate("sesame")
    mine, other = gate.read(gate.begin()), gate.read(gate.begin())
    assert gate.may_change(mine, gate.change_token(mine))
    assert not gate.may_change(mine, gate.change_token(other))
    assert not gate.may_change(mine, "")


def test_guessing_is_stopped_for_a_while_and_only_there() -> None:
    clock = Clock()
    attempts = Gate("sesame", clock=clock).attempts
    for _ in range(GUESSES):
        attempts.check("1.2.3.4")
        attempts.note("1.2.3.4")
    with pytest.raises(ApiError) as refused:
        attempts.check("1.2.3.4")
    assert (refused.value.status, refused.value.retry_s) == (429, WINDOW_S)
    attempts.check("1.2.3.5")
    clock.now += WINDOW_S
    attempts.check("1.2.3.4")


def test_guessing_from_many_addresses_is_stopped_too() -> None:
    attempts = Gate("sesame", clock=Clock()).attempts
    for number in range(100):
        attempts.check(f"10.0.0.{number}")
        attempts.note(f"10.0.0.{number}")
    with pytest.raises(ApiError):
        attempts.check("10.0.1.1")


@pytest.mark.parametrize(
    ("said", "local", "public"),
    [
        ("127.0.0.1:8080", True, True),
        ("localhost:8080", True, True),
        ("[::1]:8080", True, True),
        ("gifs.example", True, True),
        ("GIFS.example:443", True, True),
        ("192.168.1.5:8080", False, True),
        ("evil.example", False, False),
        ("localhost.evil.example", False, False),
        ("127.0.0.1.evil.example:8080", False, False),
        ("user@localhost@evil.example", False, False),
        ("", False, False),
        ("[::1", False, False),
    ],
)
def test_names_of_others_are_refused(said: str, local: bool, public: bool) -> None:
    assert Hosts(is_loopback=True, name="gifs.example").has(said) is local
    assert Hosts(is_loopback=False, name="gifs.example").has(said) is public


def test_it_is_open_to_others_with_a_good_token_only() -> None:
    check_exposure(WebSettings(host="127.0.0.1"))
    check_exposure(WebSettings.model_validate({"host": "0.0.0.0", "token": "0123456789abcdef"}))
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0 can be reached.*REPARTEE_WEB_TOKEN"):
        check_exposure(WebSettings(host="0.0.0.0"))
    with pytest.raises(SettingsError, match="too short") as short:
        check_exposure(WebSettings.model_validate({"token": "sesame"}))
    assert "sesame" not in str(short.value)
    assert [is_loopback(host) for host in ("localhost", "::1", "127.8.8.8", "0.0.0.0", "host.example")] == [
        True,
        True,
        True,
        False,
        False,
    ]
