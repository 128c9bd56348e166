"""What the tools say of themselves to assistants, and what they answer when something is wrong."""

from __future__ import annotations

INSTRUCTIONS = (
    "Repartee answers a chat message with the reaction GIF that a witty friend would send. Call react with "
    "the message, then send or name the first GIF; when is_grave is true, better send none. find_gifs looks "
    "GIFs up by words. add_gif puts a GIF into a pack; it can be found by meaning two seconds later. All of "
    "it runs on the computer of the person who started this server; files are paths there."
)

REACT = (
    "Rank reaction GIFs for a chat message, the best first. Each has its confidence (the probability that a "
    "person calls the pick great), categories, alt text, why it was picked, and the path of its file. hold "
    "is the probability that the message is serious; above a limit is_grave is true, and unless a mood is "
    "named only gentle GIFs are offered. The GIFs of one answer differ in kind."
)
MESSAGE = "The message to react to, in English, as it was written."
COUNT = "How many GIFs at most."
MOOD = (
    "Only GIFs of this category, such as laugh, hug, facepalm or mic drop; empty for whatever fits best. "
    "An unknown one is answered with those that there are."
)
WITH_PICTURE = "Whether to return the first GIF itself, as an image, beside the list."

FIND_GIFS = (
    "Look up GIFs whose name, tags, categories or alt text have all the given words; without words, list "
    "them. Own GIFs, which people added, come first; only those can be edited and removed."
)
WORDS = "Words to look for; empty for all GIFs."
PACK = "Only GIFs of the pack of this name; empty for all packs."
LIMIT = "How many GIFs at most; total says how many there are."

LIST_PACKS = "List the packs of GIFs: those that came with the program, and own ones that people added to."

ADD_GIF = (
    "Put a GIF, animated WebP, APNG or short MP4 into a pack of own GIFs. It is checked first (size, length, "
    "flashes, duplicates), made small enough for chats and stored as a GIF; a refusal says why. Categories, "
    "name and alt text are made up where they are not given; tags help most to have it found."
)
SOURCE = (
    "Path of a file on the computer that runs this server, or a link (http, https) to the file itself that "
    "anybody on the internet can open."
)
TAGS = "Words that say what the GIF is good for, such as monday, coffee, finally."
CATEGORIES = "Up to three categories, the best one first, such as thumbs up; empty to let the model choose."
NAME = "A short name; empty to make one up of the file's name."
ALT_TEXT = "What the GIF shows, in a sentence, for people who cannot see it; empty to make one up."
NEW_PACK = "Name of the pack that it goes into; it is made if there is none."
LICENCE = "Under which licence the GIF may be used, such as CC0-1.0, if that is known."

EDIT_GIF = (
    "Change what is said of an own GIF; what is left out stays. It ranks accordingly two seconds later."
)
GIF = "The GIF: its id, the first four or more digits of it, or its name."
NEW_NAME = "The new name."
NEW_TAGS = "The new tags, in place of all old ones."
NEW_CATEGORIES = "The new categories, one to three, in place of all old ones."
NEW_ALT_TEXT = "The new alt text; empty to have one made up of what is known."
NEW_RATING = "The new rating: g, pg, pg-13 or r."
OTHER_PACK = "Name of the pack that it moves to."

REMOVE_GIF = "Remove an own GIF for good. GIFs of the packs that came with the program cannot be removed."

GRAVE = (
    "This may be serious (hold probability {hold:.0%}): better send nothing; only gentle GIFs are offered."
)
GRAVE_MOOD = "This may be serious (hold probability {hold:.0%}): better send nothing."
NO_GIF = "No GIF fits."
NO_PICTURE = "The picture is left out ({reason}); its file is {file}."
PICTURE_ELSEWHERE = "it is not on this computer"
PICTURE_TOO_LARGE = "it is larger than {limit} KiB"
NO_FILE = "There is no file {path} where this server runs: name one by its full path, or give a link."
BAD_PACK = '"{pack}" is no name for a pack: take up to 50 letters, no slash, and no dot at the beginning.'
NO_CHANGE = "Nothing was given that could be changed: name at least one of the fields."
NO_CATEGORIES = "A GIF has at least one category: name one to three."
BLANK = "{field} must not be empty: leave it out to keep it as it is."
FAULT = "This failed by a fault of the program ({error}); its log says more."
