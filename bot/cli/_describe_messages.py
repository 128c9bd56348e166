"""What `repartee describe` says to people."""

from __future__ import annotations

NO_CAPTIONER = (
    "There is no captioner: name the folder of one in REPARTEE_CAPTIONER or with --bundle "
    "(python -m export import clipcap SOURCE --out FOLDER makes one)."
)
NO_FILE_NAMED = "There is no file to describe: name one (repartee describe cat.gif)."
NO_FILE = "There is no file {path}."
IS_FOLDER = "{path} is a folder: name the files in it ({path}/*.gif)."
UNREADABLE = "{path} is no picture that can be read: name a GIF, WebP, PNG or JPEG."
NOT_REGULAR = "{path} is no regular file: save the picture to one, and name that."
REFUSED = "{path}: {reason}"
FAILED = "{path} cannot be described ({reason}): save it again, or make it smaller."
NO_WORDS = "{path}: the captioner finds no words for it."
MANY = "{path}: {caption}"
DESCRIBING = "Describing"

HELP = (
    "Say in a sentence what a picture or an animation shows.\n\n"
    "The sentence is a machine's guess by the look of it: read it before you use it as an alt text. Where "
    "the captioner is too unsure it says nothing. With several files each line begins with the name of its "
    "file.\n\n"
    "Exit code 0: all were looked at; 1: some could not be read; 2: nothing was begun. --json prints an "
    'object a file: {"file", "caption"}, or {"file", "error"}.'
)
EPILOG = """[bold]Examples[/bold]
  repartee describe cat.gif
  repartee describe *.gif --json                    [dim]an object a line[/dim]
  repartee describe cat.gif --beam 5                [dim]searches longer, for a better sentence[/dim]
  repartee describe cat.gif --bundle runs/clipcap   [dim]with another captioner[/dim]"""
