"""The Home tab and the form for a channel's settings, as blocks; and what was put into the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot import messages
from bot.records import Ban, ChannelSettings, GuildSettings, QuietHours
from bot.schedule import SettingError, parse_hours, parse_timezone
from bot.slack._words import Payload, button, context, escape, label, section

SETTINGS = "rp_settings"
PICK_CHANNEL, OPT_OUT, FORGET = "rp_pick_channel", "rp_opt_out", "rp_forget"
ALLOW, SWITCH = "rp_allow", "rp_switch"
BANS_SHOWN = 20
LIMITS = {"cooldown": (0, 86_400), "daily_cap": (1, 1000)}


class FormError(Exception):
    """What was put into the form cannot be used; `problems` has a sentence a field."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__()
        self.problems = dict(problems)


def home(bans: Sequence[Ban], *, has_opted_out: bool, guild: GuildSettings | None = None) -> Payload:
    """Lay the Home tab of a person out; an admin sees what holds for the workspace, too."""
    pick = {
        "type": "conversations_select",
        "action_id": PICK_CHANNEL,
        "placeholder": label(messages.HOME_PICK_CHANNEL),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    choice = (messages.HOME_OPTED_OUT, messages.HOME_FORGET, FORGET)
    if not has_opted_out:
        choice = (messages.HOME_OPTED_IN, messages.HOME_OPT_OUT, OPT_OUT)
    text, caption, action = choice
    blocks = [
        section(messages.HOME_INTRO),
        section(messages.HOME_CHANNEL, accessory=pick),
        section(text, accessory=button(caption, action)),
        section(messages.SLACK_PRIVACY),
    ]
    if guild is not None:
        caption = messages.HOME_SWITCH_OFF if guild.is_automatic else messages.HOME_SWITCH_ON
        said = messages.HOME_AUTOMATIC[guild.is_automatic]
        blocks.append(section(said, accessory=button(caption, SWITCH)))
    if bans:
        blocks.append(section(messages.HOME_BANS.format(count=len(bans))))
    for ban in bans[:BANS_SHOWN]:
        blocks.append(section(escape(ban.name), accessory=button(messages.HOME_ALLOW, ALLOW, ban.key)))
    return {"type": "home", "blocks": blocks}


def settings_form(channel: str, settings: ChannelSettings, guild: GuildSettings, today: str) -> Payload:
    """Lay the form for a channel's settings out."""
    return {
        "type": "modal",
        "callback_id": SETTINGS,
        "private_metadata": channel,
        "title": label(messages.SETTINGS_TITLE),
        "submit": label(messages.SETTINGS_SAVE),
        "close": label(messages.SETTINGS_CLOSE),
        "blocks": [
            context(messages.SETTINGS_OF.format(channel=channel, today=today)),
            _choice("mode", messages.MODES, settings.mode),
            _choice("confidence", messages.BOLDNESS, settings.boldness),
            _text("cooldown", str(settings.cooldown_s)),
            _text("daily_cap", str(settings.daily_cap)),
            _text("quiet", hours_of(settings.quiet)),
            _text("timezone", guild.timezone),
            _choice("dry_run", messages.DRY_RUNS, "yes" if settings.is_dry_run else "no"),
        ],
    }


def read_form(view: Payload, old: ChannelSettings) -> tuple[ChannelSettings, str]:
    """Return the settings that were put into the form, and the time zone.

    Raises:
        FormError: they cannot be used.
    """
    given = {name: _value(fields[name]) for name, fields in view["state"]["values"].items()}
    problems: dict[str, str] = {}
    numbers = {name: _number(name, given[name], problems) for name in LIMITS}
    quiet, timezone = old.quiet, ""
    try:
        quiet = parse_hours(given["quiet"])
    except SettingError as error:
        problems["quiet"] = str(error)
    try:
        timezone = parse_timezone(given["timezone"])
    except SettingError as error:
        problems["timezone"] = str(error)
    if problems:
        raise FormError(problems)
    choices: dict[str, Any] = {"mode": given["mode"], "boldness": given["confidence"]}
    settings = ChannelSettings(
        **choices,
        cooldown_s=numbers["cooldown"],
        daily_cap=numbers["daily_cap"],
        quiet=quiet,
        is_dry_run=given["dry_run"] == "yes",
    )
    return settings, timezone


def hours_of(quiet: QuietHours | None) -> str:
    """Write quiet hours as they are typed."""
    return "none" if quiet is None else f"{quiet.start}-{quiet.end}"


def _choice(name: str, texts: Mapping[str, str], chosen: str) -> Payload:
    options = {value: {"text": label(text), "value": value} for value, text in texts.items()}
    element = {"type": "static_select", "options": list(options.values()), "initial_option": options[chosen]}
    return _input(name, element)


def _text(name: str, value: str) -> Payload:
    return _input(name, {"type": "plain_text_input", "initial_value": value, "max_length": 100})


def _input(name: str, element: Payload) -> Payload:
    text = label(messages.SETTINGS_LABELS[name])
    return {"type": "input", "block_id": name, "label": text, "element": element | {"action_id": name}}


def _value(field: Payload) -> str:
    chosen = field.get("selected_option")
    return str(chosen["value"] if chosen else field.get("value") or "").strip()


def _number(name: str, text: str, problems: dict[str, str]) -> int:
    least, most = LIMITS[name]
    if text.isdecimal() and least <= int(text) <= most:
        return int(text)
    problems[name] = messages.BAD_NUMBER.format(least=least, most=most)
    return least
