"""What `repartee mcp` says to people."""

from __future__ import annotations

NO_MCP = "The mcp package is missing: install repartee with its mcp extra (pip install '.[mcp]')."
MCP_HELP = (
    "Give assistants the bot's tools: react, find_gifs, list_packs, add_gif, edit_gif, remove_gif.\n\n"
    "It speaks the Model Context Protocol over standard input and output and is started by the assistant's "
    "program, not by hand; docs/mcp.md shows how to enter it there. Without REDIS_URL the model runs in "
    "this process, with it running workers answer. Run [bold]repartee index[/bold] once before, as the "
    "first start of a model takes a while.\n\n"
    "An assistant may add any GIF file that you can read, and fetch public links; --read-only leaves out all "
    "that changes packs."
)
MCP_EPILOG = """[bold]Examples[/bold]
  repartee mcp                        [dim]own GIFs of everybody[/dim]
  repartee mcp --scope discord:1234   [dim]also those of one server, and what is added goes there[/dim]
  repartee mcp --read-only            [dim]react and look up, nothing else[/dim]"""
