"""How a GIF is shown in Slack: beside a paragraph in a preview, and as a message of its own.

A GIF that is given as a `slack_file` stands still in a block of its own on the web client; as the accessory
of a section it moves, and so does a shared file (slackapi/node-slack-sdk#2687).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bot.errors import ExpiredError
from bot.messages import CANCEL, OPTION, PAGE, PICK, PICK_GENTLE, PREVIOUS, SEND, SENT_BY, SHUFFLE
from bot.records import SHOWN, Preview
from bot.slack._posting import Posting
from bot.slack._uploads import Uploads
from bot.slack._words import BLOCK_ALT_TEXT, Payload, button, context, escape, mrkdwn, section
from inference.protocol import Reaction
from inference.wording import fitted_alt_text

SENDS = ("rp_send_0", "rp_send_1", "rp_send_2")
SHOWN_ALT_TEXT = 500  # of each: the picture has all of it, and a paragraph takes 3,000 characters, escaped
SHUFFLE_ID, PREVIOUS_ID, CANCEL_ID = "rp_shuffle", "rp_previous", "rp_cancel"


class Gifs:
    """Shows GIFs: from a public address where there is one, else as files of the workspace.

    Own GIFs are always uploaded: nobody puts them at that address, and others have no business with them.
    """

    def __init__(
        self, posting: Posting, uploads: Uploads, base_url: str = "", own_gifs: Path | None = None
    ) -> None:
        """Put it together; `own_gifs` is the folder of own GIFs."""
        self._posting = posting
        self._uploads = uploads
        self._base_url = base_url.rstrip("/")
        self._own_gifs = own_gifs and own_gifs.resolve()  # engines name files so, the library does not

    async def preview(self, preview: Preview) -> list[Payload]:
        """Lay a page of a preview out."""
        images = await self._images(preview.shown)
        head = PICK_GENTLE if preview.is_held else PICK
        page = PAGE.format(page=preview.page + 1, pages=preview.pages)
        blocks = [section(head), context("\n".join([*preview.notes, page]))]
        for number, (reaction, image) in enumerate(zip(preview.shown, images, strict=True), 1):
            text = OPTION.format(number=number, alt_text=escape(_alt_text(reaction, SHOWN_ALT_TEXT)))
            blocks.append(section(text, accessory=image))
        return [*blocks, {"type": "actions", "elements": _buttons(preview)}]

    async def post(self, reaction: Reaction, channel: str, thread: str = "", *, who: str = "") -> str:
        """Post a GIF, in a thread where one is given, in somebody's name where one is; return its time stamp.

        Raises:
            NotInvitedError: the bot is not in the channel.
            GoneError: the thread is gone.
        """
        said = mrkdwn(SENT_BY.format(who=f"<@{who}>")) if who else ""
        where: dict[str, Any] = {"channel": channel, "thread_ts": thread or None}
        if self._is_public(reaction):
            blocks: list[Payload] = [{"type": "image", **_source(self._address(reaction), reaction)}]
            blocks += [context(said)] if said else []
            content: dict[str, Any] = {"text": escape(_alt_text(reaction)), "blocks": blocks}
        else:
            file = await self._uploads.living_file_of(reaction)
            content = {"text": f"{said} <{file.permalink}|{escape(reaction.name)}>".strip()}
        return await self._posting.post(**where, **content)

    async def forget(self, reactions: Sequence[Reaction]) -> None:
        """Upload GIFs anew next time."""
        for reaction in reactions:
            await self._uploads.forget(reaction)

    async def image(self, reaction: Reaction) -> Payload:
        """Return a GIF as the picture beside a paragraph.

        Raises:
            NoGifError: the GIF is gone from this host.
            ServiceError: Slack does not get it ready.
            SlackApiError: Slack refuses it.
        """
        if self._is_public(reaction):
            return {"type": "image", **_source(self._address(reaction), reaction)}
        file = await self._uploads.file_of(reaction)
        return {"type": "image", "slack_file": {"id": file.id}, "alt_text": _alt_text(reaction)}

    async def _images(self, reactions: Sequence[Reaction]) -> list[Payload]:
        """Return the pictures of GIFs; none is still being uploaded when one has failed."""
        found = await asyncio.gather(*map(self.image, reactions), return_exceptions=True)
        for image in found:
            if isinstance(image, BaseException):
                raise image
        return [image for image in found if not isinstance(image, BaseException)]

    def _is_public(self, reaction: Reaction) -> bool:
        if not self._base_url:
            return False
        return self._own_gifs is None or not Path(reaction.file).resolve().is_relative_to(self._own_gifs)

    def _address(self, reaction: Reaction) -> str:
        return f"{self._base_url}/{quote(Path(reaction.file).name)}"


def _alt_text(reaction: Reaction, most: int = BLOCK_ALT_TEXT) -> str:
    return fitted_alt_text(reaction.alt_text, reaction.name, most)


def _source(url: str, reaction: Reaction) -> Payload:
    return {"image_url": url, "alt_text": _alt_text(reaction)}


def _buttons(preview: Preview) -> list[Payload]:
    """Return the buttons; each carries the signed name of the preview, and which GIF or page it means."""

    def value(place: int) -> str:
        return f"{preview.id}:{place}"

    first = preview.page * SHOWN
    buttons = [
        button(SEND.format(number=n + 1), SENDS[n], value(first + n), style="primary")
        for n in range(len(preview.shown))
    ]
    if preview.page + 1 < preview.pages:
        buttons.append(button(SHUFFLE, SHUFFLE_ID, value(preview.page + 1)))
    if preview.page:
        buttons.append(button(PREVIOUS, PREVIOUS_ID, value(preview.page - 1)))
    return [*buttons, button(CANCEL, CANCEL_ID, value(0))]


def split_value(value: str) -> tuple[str, int]:
    """Return the name of the preview and the place that a button's value says.

    Raises:
        ExpiredError: it is none of ours.
    """
    name, _, place = value.rpartition(":")
    if not place.isdecimal():
        raise ExpiredError
    return name, int(place)
