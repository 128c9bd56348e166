"""Draw what people see of the bot on Discord: `python -m tests.discord_side.draw docs/pictures`.

The bot, its model and its GIFs are the real ones; drawn is what the stand-in of Discord recorded.
"""

from __future__ import annotations

import asyncio
import io
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from PIL import Image, ImageDraw, ImageFont, ImageOps, ImageSequence

from bot import messages
from bot.library import Library
from bot.packs import OwnPacks
from inference.engine import Engine
from inference.ingest import Ingestor
from tests.bot.stage import MENU, Stage, playing
from tests.discord_side import components as parts
from tests.discord_side.commands import Value
from tests.discord_side.handles import Handle
from tests.discord_side.messages import ShownMessage, StoredFile, Upload
from tests.discord_side.server import DiscordSide
from tests.discord_side.world import World

ROOT = Path(__file__).resolve().parents[2]
BUNDLE, PACK = ROOT / "assets" / "models" / "house", ROOT / "assets" / "packs" / "fluent"
GOOD_NEWS, GRAVE_NEWS = "I got the job!!", "my grandmother died last night"
OWN_SOURCE, OWN_GROUND = "partying-face.gif", "#ffe9c7"
OWN_SAID = {"tags": "friday, weekend, finally", "name": "Friday", "alt_text": "Our mascot celebrates Friday."}
SETTINGS: dict[str, Value] = {"mode": "top", "confidence": "shy", "cooldown": 600, "quiet": "22-7"}

WIDTH, TALLEST = 1280, 2000  # a screen of double density
EDGE, LEFT, RIGHT = 32, 144, 1200
AVATAR, THUMBNAIL, PICTURE = 80, 170, 224
BODY, SMALL, TINY = 30, 25, 18
LEADING, BOLD = 1.4, 0.6
PAGE, PRIVATE, PLATE, BLUE, GREY = "#2b2d31", "#32353c", "#3d4048", "#4068d8", "#484c55"
WHITE, INK, DIM, OFF, LINK = "#ffffff", "#dcdfe4", "#9ba0aa", "#6f747e", "#8ab4f8"
BUTTONS = {1: BLUE, 2: GREY, 3: "#2f7d4f", 4: "#b8404a"}
AVATARS = {"ann": "#c2703d", "bob": "#3d8f86", "moderator": "#7d5ba6", "repartee": BLUE}

PROMINENT = re.compile(r"(\*\*.+?\*\*|[@#]\w+)")
CHUNK = re.compile(r"\s+|\S+")
LIMIT = 500  # of GIFs in a pack
MOSTLY = 0.9  # of what an animation shows at most


class Shown(NamedTuple):
    """A message, and the interaction that it answers."""

    message: ShownMessage
    handle: Handle | None = None


class Drawing:
    """One message below the other."""

    def __init__(self, world: World) -> None:
        people = (*world.people.values(), world.bot)
        self._names = {person.mention: f"@{person.name.title()}" for person in people}
        self._names |= {f"<#{channel.id}>": f"#{channel.name}" for channel in world.channels.values()}
        self._image = Image.new("RGB", (WIDTH, TALLEST), PAGE)
        self._draw = ImageDraw.Draw(self._image)
        self._box = self._draw.rounded_rectangle
        self._y = float(EDGE)

    def save(self, path: Path) -> None:
        """Write a picture of all that was drawn, in the 256 colours that fit best."""
        drawn = self._image.crop((0, 0, WIDTH, round(self._y + EDGE / 2)))
        drawn.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)

    def add(self, shown: Shown) -> None:
        """Draw a message: what it answers, who wrote it, what it says and shows."""
        message, handle = shown
        if message.is_ephemeral:
            self._box((0, self._y - EDGE / 2, WIDTH, TALLEST), 0, PRIVATE)
        if message.reference is not None:
            self._above(message.reference.author.name, message.reference.content)
        elif handle is not None:
            self._above(handle.person.name, f"used **{_command(handle)}**")
        top = self._y
        self._author(message.author.name, is_bot=message.author.is_bot)
        self._text(message.content)
        if not message.is_components_v2:
            self._files(message.attachments)
        for component in message.components:
            self._component(message, component)
        if message.is_ephemeral:
            self._private_mark()
        self._y = max(self._y, top + AVATAR) + EDGE
        self._box((0, self._y - EDGE / 2, WIDTH, TALLEST), 0, PAGE)

    def _above(self, name: str, said: str) -> None:
        x, y = LEFT - 62, self._y + SMALL * LEADING / 2
        self._draw.line([(x, y + 20), (x, y + 6), (x + 6, y), (LEFT - 16, y)], GREY, 4, joint="curve")
        self._text(f"**{name.title()}** {said}", size=SMALL, colour=DIM)
        self._y += 8

    def _author(self, name: str, *, is_bot: bool) -> None:
        self._draw.ellipse((EDGE, self._y, EDGE + AVATAR, self._y + AVATAR), AVATARS[name])
        self._centred(name[0].upper(), EDGE + AVATAR / 2, self._y + AVATAR / 2, 38)
        end = self._line(LEFT, f"**{name.title()}**", BODY, WHITE)
        if is_bot:
            self._tag("APP", end + 12, self._y + 6, BLUE)
        self._y += BODY * LEADING

    def _component(self, message: ShownMessage, component: dict[str, Any]) -> None:
        if component["type"] == parts.TEXT:
            self._text(component["content"])
            self._y += 12
        elif component["type"] == parts.SECTION:
            top, medium, (text,) = self._y, component["accessory"], component["components"]
            assert medium["description"] in text["content"]
            file = next(file for file in message.attachments if file.url == medium["media"]["url"])
            self._picture(file, RIGHT - THUMBNAIL, THUMBNAIL)
            self._text(text["content"], right=RIGHT - THUMBNAIL - EDGE)
            self._y = top + THUMBNAIL + 16
        elif component["type"] == parts.ACTION_ROW:
            self._buttons(component["components"])

    def _files(self, files: list[StoredFile]) -> None:
        for file in files:
            self._y += 8
            top, beside = self._y, LEFT + PICTURE + EDGE
            self._picture(file, LEFT, PICTURE)
            if file.description:
                self._tag("ALT", beside, top, PLATE)
                self._y += 40
                self._text(file.description, beside, size=SMALL, colour=DIM)
            self._y = top + PICTURE + 16

    def _buttons(self, buttons: list[dict[str, Any]]) -> None:
        x, y = float(LEFT), self._y
        for button in buttons:
            colour, ink = (PLATE, OFF) if button.get("disabled") else (BUTTONS[button["style"]], WHITE)
            right = x + _length(button["label"], SMALL) + 60
            self._box((x, y, right, y + 64), 12, colour)
            self._centred(button["label"], (x + right) / 2, y + 32, SMALL, ink)
            x = right + 16
        self._y += 80

    def _private_mark(self) -> None:
        x, y = LEFT, self._y + 8
        self._draw.ellipse((x, y, x + 26, y + 18), outline=DIM, width=2)
        self._draw.ellipse((x + 9, y + 5, x + 17, y + 13), DIM)
        self._text("Only you can see this · Dismiss message", LEFT + 38, size=SMALL, colour=DIM)

    def _picture(self, file: StoredFile, x: int, side: int) -> None:
        still = _still(file.data).resize((side, side), Image.Resampling.LANCZOS)
        self._box((x, self._y, x + side, self._y + side), 16, PLATE)
        self._image.paste(still, (x, round(self._y)), still)

    def _text(
        self, said: str, x: int = LEFT, *, right: int = RIGHT, size: int = BODY, colour: str = INK
    ) -> None:
        for paragraph in re.sub(r"<[@#]\d+>", lambda found: self._names[found[0]], said).splitlines():
            style, line = (SMALL, DIM) if paragraph.startswith("-# ") else (size, colour), ""
            for chunk in CHUNK.findall(paragraph.removeprefix("-# ")):
                if x + _length(line + chunk.rstrip(), style[0]) > right:
                    self._line(x, line, *style)
                    self._y += style[0] * LEADING
                    line = ""
                line += chunk
            self._line(x, line, *style)
            self._y += style[0] * LEADING

    def _line(self, x: float, said: str, size: int, colour: str) -> float:
        """Write a line; return where it ends."""
        for run in PROMINENT.split(said.replace("\\", "")):
            plain = run.strip("*")
            ink = LINK if plain.startswith(("@", "#")) else colour
            stroke = BOLD if plain != run else 0.0
            self._draw.text((x, self._y), plain, ink, _font(size), stroke_width=stroke, stroke_fill=ink)
            x += _length(plain, size)
        return x

    def _tag(self, label: str, x: float, y: float, colour: str) -> None:
        right = x + _length(label, TINY) + 18
        self._box((x, y, right, y + 28), 6, colour)
        self._centred(label, (x + right) / 2, y + 14, TINY)

    def _centred(self, said: str, x: float, y: float, size: int, colour: str = WHITE) -> None:
        self._draw.text((x, y), said, colour, _font(size), anchor="mm")


async def play(stage: Stage) -> dict[str, list[Shown]]:
    """Let people use the bot; return what is to be drawn."""
    side = stage.side
    ann, bob, moderator = (side.people[name] for name in ("ann", "bob", "moderator"))
    scenes: dict[str, list[Shown]] = {}
    for name, text in (("gentle", GRAVE_NEWS), ("preview", GOOD_NEWS)):
        said = await side.say(bob, text)
        asked = await side.menu(ann, MENU, said)
        preview = await asked.reply()
        scenes[name] = [Shown(said), Shown(preview, asked)]
    await side.press(ann, preview, "Send 1")
    scenes["post"] = [Shown(said), Shown(await side.posted())]
    await (await side.slash(moderator, "repartee server", {"timezone": "Europe/Berlin"})).reply()
    asked = await side.slash(moderator, "repartee channel", SETTINGS)
    scenes["settings"] = [Shown(await asked.reply(), asked)]
    said = await side.say(bob, "made this for us", files=[Upload("friday.gif", own_gif())])
    asked = await side.menu(moderator, messages.PACK_MENU, said)
    sent = await side.submit(moderator, asked, OWN_SAID)
    scenes["pack"] = [Shown(said), Shown(await sent.reply())]
    return scenes


def own_gif() -> bytes:
    """Make a GIF that no pack has: a face of the shipped pack, mirrored, on a ground."""
    source = PACK / "gifs" / OWN_SOURCE
    frames = []
    with Image.open(source) as animation:
        duration = animation.info["duration"]
        for frame in ImageSequence.Iterator(animation):
            picture = ImageOps.mirror(frame.convert("RGBA"))
            ground = Image.new("RGBA", picture.size, OWN_GROUND)
            frames.append(Image.alpha_composite(ground, picture).convert("RGB"))
    made = io.BytesIO()
    frames[0].save(made, "GIF", save_all=True, append_images=frames[1:], duration=duration, loop=0)
    return made.getvalue()


async def draw(folder: Path) -> None:
    """Play, and write a PNG file of each scene."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        catalogue = data / "catalogue.sqlite"
        engine = Engine.open(BUNDLE, [PACK], catalogue)
        library = Library(catalogue, Ingestor(catalogue, BUNDLE, processes=1), [PACK])
        async with (
            DiscordSide(shards=1) as side,
            playing(side, engine, data, reads_messages=True, packs=OwnPacks(library, LIMIT)) as stage,
        ):
            scenes = await play(stage)
        await library.close()
    assert side.violations == []
    for scene, shown_messages in scenes.items():
        drawing = Drawing(side.world)
        for shown in shown_messages:
            drawing.add(shown)
        drawing.save(folder / f"discord-{scene}.png")


def _still(data: bytes) -> Image.Image:
    """Return the first frame in which most of what an animation shows is there."""
    with Image.open(io.BytesIO(data)) as animation:
        frames = [frame.convert("RGBA") for frame in ImageSequence.Iterator(animation)]
    areas = [sum(frame.getchannel("A").histogram()[128:]) for frame in frames]
    return next(frame for frame, area in zip(frames, areas, strict=True) if area >= MOSTLY * max(areas))


def _command(handle: Handle) -> str:
    """Name a command as a client does."""
    data: dict[str, Any] = handle.event.data["data"]
    inner = [option["name"] for option in data.get("options", []) if option["type"] == 1]
    return " ".join((f"/{data['name']}" if data["type"] == 1 else data["name"], *inner))


def _length(said: str, size: int) -> float:
    return _font(size).getlength(said.replace("**", ""))


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as in all wheels of Pillow
    return font


def main(folder: Annotated[Path, typer.Argument(help="Folder for the PNG files.", file_okay=False)]) -> None:
    """Draw what people see of the bot."""
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(folder))


if __name__ == "__main__":
    typer.run(main)
