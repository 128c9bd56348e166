"""As small as a bot can be that uses what ours uses: previews, buttons, selects, forms, uploads, replies."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
from discord import app_commands, ui
from discord.ext import commands

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"


def picture(name: str = "smile.gif") -> discord.File:
    return discord.File(io.BytesIO(GIF), filename=name, description="somebody smiles")


class Preview(ui.LayoutView):
    def __init__(self, text: str) -> None:
        super().__init__(timeout=None)
        section: ui.Section[Preview] = ui.Section(
            ui.TextDisplay(text),
            accessory=ui.Thumbnail("attachment://smile.gif", description="somebody smiles"),
        )
        row: ui.ActionRow[Preview] = ui.ActionRow(
            ui.Button(label="Send", custom_id="send"), ui.Button(label="Cancel", custom_id="cancel")
        )
        self.add_item(ui.Container(section, row))


class SampleBot(commands.AutoShardedBot):
    """Previews a GIF and posts it when a button is pressed; notes what it hears."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__("!", intents=intents, allowed_mentions=discord.AllowedMentions.none())
        self.heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.add_listener(self.note_message, "on_message")
        self.add_listener(self.note_reaction, "on_raw_reaction_add")
        self.add_listener(self.press, "on_interaction")
        self.tree.add_command(app_commands.Command(name="react", description="React", callback=react))
        self.tree.add_command(app_commands.ContextMenu(name="React with a GIF", callback=react_to))
        settings = app_commands.Group(
            name="repartee",
            description="Settings",
            default_permissions=discord.Permissions(manage_guild=True),
        )
        settings.add_command(app_commands.Command(name="channel", description="Channel", callback=set_up))
        self.tree.add_command(settings)
        self.tree.add_command(add)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait five seconds between shards."""

    async def note_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(("message", message.content))

    async def note_reaction(self, reaction: discord.RawReactionActionEvent) -> None:
        self.heard.put_nowait(("reaction", reaction.emoji.name))

    async def press(self, interaction: discord.Interaction) -> None:
        if interaction.type is not discord.InteractionType.component:
            return
        data: Any = interaction.data
        if data["custom_id"] == "send":
            await send(interaction)
        elif data["custom_id"] == "pack":
            await interaction.response.send_modal(NameForm(data["values"][0]))


async def send(interaction: discord.Interaction) -> None:
    assert isinstance(interaction.channel, discord.TextChannel)
    await interaction.response.defer()
    await interaction.channel.send(file=picture(), silent=True)
    done: ui.LayoutView = ui.LayoutView()
    done.add_item(ui.TextDisplay("Sent."))
    await interaction.edit_original_response(view=done, attachments=[])


class PackView(ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)
        options = [
            discord.SelectOption(label="House", value="h"),
            discord.SelectOption(label="Mine", value="m"),
        ]
        self.add_item(ui.Select(custom_id="pack", placeholder="Which pack?", options=options))


class NameForm(ui.Modal):
    def __init__(self, pack: str) -> None:
        super().__init__(title="Name it", custom_id="name")
        self.pack = pack
        self.field: ui.TextInput[NameForm] = ui.TextInput(custom_id="called")
        self.add_item(ui.Label(text="Name", component=self.field))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.field.value} is in {self.pack}")


@app_commands.describe(message="What to react to", mood="How it should feel")
@app_commands.choices(mood=[app_commands.Choice(name="Happy", value="h")])
async def react(interaction: discord.Interaction, message: str, mood: str = "") -> None:
    await interaction.response.defer(ephemeral=True)
    await interaction.edit_original_response(view=Preview(f"{message} {mood}"), attachments=[picture()])


async def react_to(interaction: discord.Interaction, message: discord.Message) -> None:
    await interaction.response.send_message(message.content, ephemeral=True)
    await interaction.followup.send("and more", wait=True)


async def set_up(interaction: discord.Interaction) -> None:
    await interaction.response.send_message("Here it is.")


@app_commands.command(name="add", description="Add a GIF")
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def add(interaction: discord.Interaction, file: discord.Attachment, tag: str = "") -> None:
    data = await file.read()
    text = f"{file.filename}: {len(data)} bytes {tag}"
    await interaction.response.send_message(text, view=PackView(), ephemeral=True)


@add.autocomplete("tag")
async def offer(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=f"{typed}ing", value=typed)]
