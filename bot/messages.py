"""What the bots say to people in a chat, and what the settings say to those who run them."""

from __future__ import annotations

from bot import errors
from inference import errors as engine

BAD_SETTING = "{name} cannot be used ({reason})"
NEEDED = {
    "REDIS_URL": "REDIS_URL is not set: workers and bots meet at a Redis or Valkey server; start one and set "
    "REDIS_URL=redis://[:password@]host:port/0.",
    "DISCORD_TOKEN": "DISCORD_TOKEN is not set: create an application at "
    "https://discord.com/developers/applications, copy the token of its bot and set DISCORD_TOKEN=... "
    "(docs/discord.md shows every step).",
    "SLACK_BOT_TOKEN": "SLACK_BOT_TOKEN is not set: create an app from assets/slack-manifest.yaml at "
    "https://api.slack.com/apps, install it, copy the bot token and set SLACK_BOT_TOKEN=xoxb-... "
    "(docs/slack.md shows every step).",
}

PICK = "Pick one:"
PICK_GENTLE = "This may be serious, so here are only gentle ones:"
PAGE = "{page} of {pages}"
NOTE = "-# {note}"
OPTION = "**{number}** · {alt_text}"
SEND = "Send {number}"
SHUFFLE = "Shuffle"
PREVIOUS = "Previous"
CANCEL = "Cancel"
REMOVE = "Remove"
NEVER = "Never again here"

SENT_BY = "-# {who} sends this GIF"
SENT_BY_ABOUT = "-# {who} sends this GIF, about {link}"
CANNOT_READ = (
    "I cannot read that message: right-click it (on a phone: press it for a while), then Apps → **{menu}**."
)
NOTHING_SAID = (
    'Mention me with some words ("{name} I got the job!!") or in a reply to a message, '
    "and I answer with a GIF."
)
BANNED = (
    "**{name}** never comes again on this server, nor does any copy of it. Who manages "
    "channels can take that back: `/repartee banned`."
)
NOTHING_BANNED = "Nothing is banned on this server."
BANS = "Choose what may come again ({count} banned):"
ALLOWED = "**{name}** may come again."
NOT_BANNED = "No GIF of that name is banned."
OPTED_OUT_DONE = "I leave your messages alone from now on. `/forget` takes that back."
FORGOTTEN = "All your settings are removed: you can be reacted to again."
NOTHING_TO_FORGET = "There is nothing to forget: I have no settings of yours."
_PRIVACY = (
    "**What I read:** a message that somebody {asked}, and, only "
    "in channels where a moderator has switched it on, new messages. I read it once, pick a GIF, drop it.\n"
    "**What I keep of what you say:** nothing. No text is stored, logged, given to others, or trained on.\n"
    "**What I do keep:** settings of servers and channels; GIFs that were added to a server's pack, not by "
    "whom; GIFs that are banned there; how often each GIF was liked there and how often I spoke up (counts); "
    "which GIFs a channel saw last; for 15 minutes the GIFs of a preview, who asked for it, and which "
    "messages I looked at; for 7 days who may remove a GIF I posted and who put a thumb under it (ids, never "
    "text); who opted out.\n"
)
PRIVACY = (
    _PRIVACY.format(asked="right-clicks, passes to `/react` or mentions me in")
    + "**Your switches:** `/optout` and I never react to you; `/forget` removes your settings."
)
SLACK_PRIVACY = _PRIVACY.format(asked="picks by its menu, passes to `/react` or mentions me in")

SLACK_CANNOT_READ = "I cannot see the message that this answers: use its menu (⋮) → *React with a GIF*."
SLACK_NOTHING_SAID = (
    "Mention me with some words, or in a thread, and I answer with a GIF; in a thread `shuffle` brings "
    "another one."
)
SLACK_REACT_USAGE = "Say what to react to: `/react I got the job!!`"
SLACK_BANNED = (
    "*{name}* never comes again here, nor does any copy of it. An admin can take that back in my Home tab."
)
SLACK_NO_POST = "That is no GIF of mine, or one that is more than a week old."
SLACK_REMOVED = "Removed."
SLACK_HEARS = "If nothing ever comes: the app needs the optional block of its manifest to hear messages."
SLACK_SAVED = "Saved. {status}"
HOME_INTRO = (
    "Open the menu of a message (⋮) → *React with a GIF*, type `/react …`, or mention me. You look first and "
    "send with one click. On a grave message I offer gentle GIFs only."
)
HOME_CHANNEL = "*In which channel may I react unasked?* Who created it, and admins, can set that up."
HOME_PICK_CHANNEL = "Pick a channel"
HOME_OPTED_OUT = "*You:* I never react to your messages."
HOME_OPTED_IN = "*You:* others may ask me to react to your messages."
HOME_OPT_OUT = "Leave my messages alone"
HOME_FORGET = "Forget my settings"
HOME_AUTOMATIC = {
    True: "*The workspace:* I react unasked in channels that want it.",
    False: "*The workspace:* I react unasked nowhere.",
}
HOME_SWITCH_OFF = "Nowhere, please"
HOME_SWITCH_ON = "Where channels want it"
HOME_BANS = "*GIFs that never come again here* ({count})"
HOME_ALLOW = "Allow again"
SETTINGS_TITLE = "React unasked"
SETTINGS_SAVE = "Save"
SETTINGS_CLOSE = "Close"
SETTINGS_OF = "In <#{channel}>. {today}"
SETTINGS_LABELS = {
    "mode": "When",
    "confidence": "How sure I have to be",
    "cooldown": "Seconds between two GIFs, at least",
    "daily_cap": "GIFs a day, at most",
    "quiet": "Quiet hours, such as 22-7, or none",
    "timezone": "Time zone of the workspace",
    "dry_run": "Try it out",
}
MODES = {
    "off": "only when asked",
    "top": "messages that start something",
    "all": "all messages, threads too",
}
BOLDNESS = {"shy": "shy", "normal": "normal", "chatty": "chatty"}
DRY_RUNS = {"no": "post", "yes": "only count what would be posted"}
BAD_NUMBER = "A whole number from {least} to {most}."

PACK_MENU = "Add to pack"
PACK_ADD = "Add"
PACK_CHANGE = "Change"
PACK_CHANGE_NAMED = "Change {name}"
PACK_ADDED = "**{name}** is in your pack and can be picked from now on, here only."
PACK_CHANGED = "**{name}** is changed."
PACK_SHOWN = "**{name}**"
PACK_REMOVED = "**{name}** is removed. Your pack has {count} of {limit} GIFs."
PACK_KIND = "Kind: {categories}"
PACK_TAGS = "Tags: {tags}"
PACK_NO_TAGS = "No tags yet: words that say what it is good for make it be found best."
PACK_ALT_TEXT = "Alt text: {alt_text}"
PACK_COUNT = "-# Your pack has {count} of {limit} GIFs."
PACK_ADULT = "It may be not for everybody, so it comes in age-restricted channels only."
SLACK_PACK_ADULT = "It may be not for everybody, so it never comes in Slack."
PACK_NOT_ADDED = "{name}: {reason}"
PACK_LIST = "Your pack has {count} of {limit} GIFs, the newest first:"
PACK_EMPTY = "Your pack is empty: use the menu of a message with a GIF → **{menu}**, or `/pack add`."
PACK_NEXT = "Next"
PACK_NO_FILE = (
    "This message has no file that moves: I take GIF, WebP, APNG and MP4 files. A GIF out of a search is "
    "only a link: save it and attach it as a file, or pass its link to `/pack add`."
)
PACK_FILE_OR_LINK = "Give me either a file or a link."
PACK_BUSY = "So many GIFs wait to be added that one more would come too late."
PACK_TOO_LARGE = "{name} is larger than {limit} MiB, which is as much as I take in."
PACK_FILE_GONE = "The file is gone, so nothing was added."
PACK_ELSEWHERE = (
    "The file does not lie with the chat itself, so I leave it alone: pass its link to `/pack add`."
)
SLACK_PACK_CLOSED = (
    "I cannot open this file: type `/invite @Repartee` in the channel where it is, or use `/pack add LINK`."
)
SLACK_PACK_USAGE = (
    "`/pack add LINK #tag #tag name`, `/pack list`, `/pack list NAME`, `/pack remove NAME`; or the menu of a "
    "message with a GIF → *Add to pack*."
)
PACK_FIELDS = {
    "tags": ("Tags", "What it is good for: monday, coffee, finally"),
    "name": ("Name", "Made up of the file's name if empty"),
    "category": ("Kind", "Such as thumbs up; left to me if empty"),
    "alt_text": ("Alt text", "What it shows, for who cannot see it; made up if empty"),
}
PACK_ANY_KIND = "left to me"

INTENT_MISSING = (
    "To react unasked I would have to read messages, which is switched off. Whoever runs this bot can switch "
    "it on: **Message Content Intent** in Discord's developer portal (Bot → Privileged Gateway Intents), "
    "then `DISCORD_MESSAGE_CONTENT=true`, then a restart. Right-click, `/react` and mentions work without."
)
BAD_HOURS = "Quiet hours are two full hours, such as `22-7`; `none` for no quiet hours."
BAD_TIMEZONE = "I know no time zone `{name}`: pick one from the list, such as `Europe/Berlin`."
SERVER_SETTINGS = "**This server:** automatic mode {switch}, time zone {timezone}."
CHANNEL_SETTINGS = {
    "off": "**{channel}:** I react only when asked (once switched on: {detail}).",
    "top": "**{channel}:** I react to messages that answer no other and stand in no thread, {detail}.",
    "all": "**{channel}:** I react to all messages, {detail}.",
}
DETAIL = "{boldness} (when at least {share:.0%} sure), {pause}at most {cap} times a day{quiet}{dry_run}"
PAUSE = "at most every {span}, "
QUIET = ", quiet from {start}:00 to {end}:00 ({timezone})"
DRY_RUN = "; **dry run**: I only count, and post nothing"
TODAY = (
    "Today: posted {posted}, would have posted {would}, not sure enough {unsure}, "
    "held back as possibly serious {held}."
)

_REFUSALS: dict[type[Exception], str] = {
    errors.ExpiredError: "This one has expired: ask again, it takes a second.",
    errors.NotYoursError: "That is not yours to decide: ask for your own with `/react`, or a moderator.",
    errors.OptedOutError: "Who wrote this does not want to be reacted to.",
    errors.NoGifError: "No GIF is left that fits: try another mood.",
    errors.NoMoodError: "I know no such mood: pick one from the list that appears while you type.",
    errors.ForeignError: "I only know English well enough to answer without anybody looking first: use the "
    "menu of the message, or `/react`.",
    errors.GoneError: "The message is gone, so nothing was posted.",
    errors.ForbiddenError: (
        "I may not post here: I need **View Channel**, **Send Messages** (in threads **Send Messages in "
        "Threads**), **Attach Files** and **Read Message History**, and a thread that is neither private nor "
        "locked."
    ),
    errors.NotInvitedError: "I am not in this channel and cannot post here: type `/invite @Repartee` first.",
    errors.NotAdminError: "Only an admin of the workspace may change that, so nothing was changed.",
    errors.PackForbiddenError: "Only who may **Manage Expressions** on this server can look after its pack.",
    errors.NoPacksError: "Packs of your own are switched off here, by whoever runs me.",
    engine.UnknownGifError: "Your pack has no GIF of that name, or several: see `/pack list`.",
    errors.NotAllowedError: "Only who created the channel, or an admin of the workspace, may change that.",
    engine.MessageError: "There is nothing to react to: I read words and emoji, not pictures.",
    engine.BusyError: "I have a lot to do right now: try again in a moment.",
    engine.DeadlineError: "I was too slow for that: try again in a moment.",
    engine.ReparteeError: "I cannot think right now: try again in a minute. If it stays "
    "like this, tell whoever runs me.",
}


def refusal(error: Exception) -> str:
    """Say to a person in a chat why nothing came, as far as it is their business."""
    if isinstance(error, errors.PackWishError | engine.RefusedError):
        return str(error)
    return next(text for kind, text in _REFUSALS.items() if isinstance(error, kind))


def span(seconds: int) -> str:
    """Put a span of time into words."""
    for unit, name in ((3600, "hour"), (60, "minute")):
        if seconds and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}" + "s" * (count != 1)
    return f"{seconds} seconds"
