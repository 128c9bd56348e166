"""What the page and its interface say to people."""

from __future__ import annotations

NOT_OPEN = (
    "{host} can be reached from other hosts: set REPARTEE_WEB_TOKEN to a secret of at least {least} letters "
    "that people log in with, or leave the host at 127.0.0.1."
)
SHORT_TOKEN = (
    "REPARTEE_WEB_TOKEN is too short to be safe: take at least {least} letters (openssl rand -hex 16)."
)
OPEN_LINK = "Open {link}"
OPEN_FORM = "Open {link} and log in with REPARTEE_WEB_TOKEN."

BROKEN = "Something went wrong here; the log says where."
NO_SUCH_PAGE = "There is nothing at this address."
WRONG_METHOD = "This address does not take that method."
WRONG_HOST = (
    "This address is not one that the page is served at: open it by its own name, or set REPARTEE_WEB_NAME."
)
NOT_LOGGED_IN = "Log in first, or send the token along: Authorization: Bearer TOKEN."
WRONG_TOKEN = "That is not the token."
TOO_MANY_ATTEMPTS = "Too many wrong tokens: try again in {seconds} s."
FOREIGN_ORIGIN = "Changes come from the page itself, not from another site."
NO_CHANGE_TOKEN = "The page is out of date: load it again."

NOT_JSON = "Send application/json."
BAD_BODY = "That is not what is expected here: {reason}."
RULES = {
    "scope": "a scope is shared, or discord: or slack: and an id of letters and digits",
    "pack": "the name of a pack has up to 60 letters, no slash, and no dot or space at its beginning",
    "name": "a name has up to 100 letters",
    "tags": "there are up to 30 tags, of up to 60 letters each",
    "categories": "there are one to three categories",
    "alt_text": "an alt text has up to 1,000 letters",
}
TOO_LONG_BODY = "That is longer than {most} bytes."
NOT_A_FORM = "Send multipart/form-data with one part named file."
NO_FILE = "There is no part named file."
TOO_LARGE_FILE = "The file is larger than {most_mib:g} MiB."
BAD_SCOPE = 'There is no scope "{scope}": say shared, or a platform and an id such as discord:123.'
NO_CATEGORY = 'There is no category "{category}".'
BAD_NUMBER = "{name} is a whole number from {least} to {most}."
READ_ONLY = "The GIFs that came with the program stay as they are: add your own instead."
UNKNOWN_GIF = "There is no such GIF here; it may have been removed."
UNKNOWN_PACK = "There is no such pack here."
FULL_INTAKE = "So many GIFs are being added that this one has to wait: try again in a moment."
