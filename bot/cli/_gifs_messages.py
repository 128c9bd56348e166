"""What `repartee gifs` says to people."""

from __future__ import annotations

NO_FILE = "There is no file {path}: name a GIF, WebP, PNG or MP4, a folder of them, or a link."
NOTHING_INSIDE = "There is no GIF, WebP, PNG or MP4 in {path} (hidden files are left out)."
ONE_FILE_ONLY = "{option} goes with one file: leave it out to have it made up for each."
BAD_STAGE = '"{said}" is no stage that can be skipped: there are {stages}.'
BAD_PACK = (
    '"{said}" is no name for a pack: take up to 40 letters, digits, spaces, dots, dashes or underscores.'
)
BAD_RATING = '"{said}" is no rating: there are {ratings}.'
BLANK = "{option} must not be empty: leave it out to keep it as it is."
MANY = "Add {count:,} files to the pack {pack}?"
LEFT_OUT = "Left out: {count} of other kinds (by their names)."
TOO_LARGE = "It is larger than {limit} MiB, which is as much as is taken in."
BAD_NAME = "Its name is not valid UTF-8: rename it."
UNREADABLE = "It cannot be read ({reason})."
ADDING = "Adding"
NAMED = '"{name}" ({id})'
REFUSED_LINE = "{label}: {text}"
SUMMARY = "{added} added, {refused} refused, {already} already there."
STOPPED = "Stopped; what was added is kept, and the same command goes on from there."

NONE_YET = "There are no own GIFs{where}: repartee gifs add FILE puts one into a pack."
WHERE_PACK = " in the pack {pack}"
WHERE_SCOPE = " of {scope}"
COLUMNS = ("Id", "Name", "Pack", "Scope", "Categories", "Tags", "Rating", "Size")
TOTAL = "{count} GIFs, {size}"
ONE = "1 GIF, {size}"
EVERYBODY = "everybody"
FIELDS = {
    "id": "Id",
    "pack": "Pack",
    "scope": "Scope",
    "categories": "Categories",
    "tags": "Tags",
    "alt_text": "Alt text",
    "text": "Words in it",
    "caption": "Caption",
    "rating": "Rating",
    "licence": "Licence",
    "size": "Size",
    "added": "Added",
    "file": "File",
}
IN_SEVERAL = '"{wanted}" is in several places ({scopes}): say which with --scope.'
NOBODY_NAMED = "Name the GIFs to remove by id or name, or a whole pack with --pack NAME --all."
GIFS_AND_PACK = "Name either GIFs or a whole pack (--pack NAME --all), not both."
PACK_AND_ALL = "--pack NAME and --all go together: they remove a whole pack."
NO_PACK = 'There is no pack "{pack}"{where}: repartee gifs list shows those that there are.'
REMOVE = "Remove {what} for good?"
COUNTED = "{count} GIFs"
NOBODY_ASKED = "Nobody is here to be asked: add --yes."
REMOVED = 'Removed "{name}" ({id}).'
REMOVED_PACK = "Removed {count} GIFs."
NO_CHANGE = "Nothing to change: pass --name, --tags, --categories, --alt, --rating or --to-pack."
NO_CATEGORIES = "A GIF has at least one category: name one to three."
EDITED = 'Changed "{name}" ({id}).'
EXPORTED = "{count} GIFs are in {folder}: REPARTEE_PACKS={folder} uses them as a pack."
NOTHING_TO_EXPORT = "There is nothing to export{where}."
FILE_MISSING = "The GIF {path} is missing: restore the pack, or remove its line."
SOUND = "{own} own GIFs and {shipped} of the packs that came along are sound."
PROBLEMS = "{count} problems."
EXTRAS = {
    "ocr": "words in pictures are not read",
    "safety": "pictures are not rated",
    "video": "MP4 is not taken in",
    "mcp": "there is no server for assistants",
}
EXTRA_MISSING = "The extra {extra} is not installed ({loss}): pip install '.[{extra}]' adds it."

HELP = (
    "Your own GIFs: add them, look at them, change what is said of them.\n\n"
    "What is added is found by meaning two seconds later, also by workers and bots that run. A GIF belongs "
    "to everybody, or with --scope to one server or workspace and is seen nowhere else."
)
EPILOG = """[bold]Start with[/bold]
  repartee gifs add party.gif --tags friday,weekend
  repartee react "finally friday"
  repartee gifs list"""
ADD_HELP = (
    "Add GIFs, animated WebP, APNG and short MP4: files, folders with all that is in them, links.\n\n"
    "Each file is checked (size, length, flashes, duplicates, rating), made small enough for chats and "
    "stored as a GIF. A refused file gets a line that says why, the others go in all the same. After an "
    "interruption the same command goes on where it was: what is there already is passed over.\n\n"
    "Tags help most to have a GIF found. Categories, name and alt text are made up where they are not "
    "given.\n\n"
    "Exit code 0: all are in; 1: some were refused; 2: nothing was begun. --json prints an object a file: "
    '{"label", "status": "added", "already" or "refused", "id", "name", "code", "text"}.'
)
ADD_EPILOG = """[bold]Examples[/bold]
  repartee gifs add party.gif --tags friday,weekend --alt "A cat dances."
  repartee gifs add memes/ --pack memes --processes 8    [dim]a folder and all below it[/dim]
  repartee gifs add https://example.com/cat.gif          [dim]the link of the file, not of a page[/dim]
  repartee gifs add us/ --scope discord:1234             [dim]for one server only[/dim]
  repartee gifs add a.gif --categories "happy dance,win" --skip text"""
LIST_HELP = "List own GIFs, the oldest first; --json prints an object a GIF."
LIST_EPILOG = """[bold]Examples[/bold]
  repartee gifs list
  repartee gifs list --pack memes --scope discord:1234
  repartee gifs list --json | jq -r .file"""
SHOW_HELP = "Show an own GIF: all that is known of it, and a picture where the terminal can."
SHOW_EPILOG = """[bold]Examples[/bold]
  repartee gifs show 3fa9     [dim]the beginning of its id[/dim]
  repartee gifs show party"""
DESCRIBED = "{changed} of {count} GIFs have another caption now."
DESCRIBE_HELP = (
    "Have the captioner say what own GIFs show that have no caption, such as those that were added before "
    "there was a captioner. Alt texts that were made up follow, and so do names that were made of captions, "
    "and the ranking.\n\n"
    "Exit code 0: all were looked at; 1: the files of some could not be read; 2: nothing was begun."
)
DESCRIBE_EPILOG = """[bold]Examples[/bold]
  repartee gifs describe
  repartee gifs describe --pack memes --again   [dim]all of them, with a new captioner[/dim]"""
EDIT_HELP = (
    "Change what is said of an own GIF; what is left out stays, and --alt '' has the alt text made up "
    "again. Its ranking follows by itself."
)
EDIT_EPILOG = """[bold]Examples[/bold]
  repartee gifs edit 3fa9 --tags friday,weekend --alt "A cat dances on a table."
  repartee gifs edit party --categories "happy dance,celebrate" --to-pack memes"""
REMOVE_HELP = "Remove own GIFs for good, by id or name, or a whole pack; asks unless --yes."
REMOVE_EPILOG = """[bold]Examples[/bold]
  repartee gifs remove 3fa9 party
  repartee gifs remove --pack memes --all --yes"""
EXPORT_HELP = "Write own GIFs to a folder, as a pack that REPARTEE_PACKS takes on any computer."
EXPORT_EPILOG = """[bold]Examples[/bold]
  repartee gifs export backup/
  repartee gifs export --pack memes --scope discord:1234 memes/"""
CHECK_HELP = (
    "Look whether all files are there and unchanged, of own GIFs and of the packs that came along, and which "
    "extras are missing. Exit code 1 when something is wrong."
)
