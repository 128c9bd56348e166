"""Rules of Discord, and of ours, for messages that the API description does not hold; one function each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from tests.discord_side import components as parts
from tests.discord_side.contract import Payload, Problem
from tests.discord_side.errors import Refusal, invalid_form
from tests.discord_side.messages import Flag, StoredFile, Upload

CONTENT_CHARACTERS, V2_CHARACTERS = 2000, 4000
COMPONENTS, ACTION_ROWS = 40, 5
CUSTOM_ID_CHARACTERS, DESCRIPTION_CHARACTERS = 100, 1024
REQUEST_BYTES = 25 << 20


@dataclass
class Limits:
    """What a message may hold here; tests set them."""

    attachment_bytes: int = 10 << 20
    request_bytes: int = REQUEST_BYTES
    is_strict_about_mentions: bool = True


@dataclass
class Draft:
    """A message as a request would leave it."""

    body: Payload
    uploads: Mapping[int, Upload]
    is_new: bool
    content: str
    components: list[Payload]
    embeds: list[Payload]
    flags: Flag
    kept: list[StoredFile] = field(default_factory=list)

    @property
    def listed(self) -> list[Payload]:
        """The attachments that the body lists."""
        return self.body.get("attachments") or []

    @property
    def new_names(self) -> set[str]:
        """The names of the uploads, as the body lists them or else as they came."""
        listed = {int(entry["id"]): entry.get("filename") for entry in self.listed}
        return {listed.get(number) or upload.filename for number, upload in self.uploads.items()}

    @property
    def references(self) -> set[str]:
        """The `attachment://` names that components and embeds show."""
        embedded = [
            embed[key]["url"] for embed in self.embeds for key in ("image", "thumbnail") if embed.get(key)
        ]
        urls = [*embedded, *(medium["url"] for medium in parts.media(self.components))]
        return {url.removeprefix("attachment://") for url in urls if url.startswith("attachment://")}

    @property
    def is_v2(self) -> bool:
        return Flag.COMPONENTS_V2 in self.flags


Rule = Callable[[Draft, Limits], Iterator[Problem]]


def content_length(draft: Draft, limits: Limits) -> Iterator[Problem]:
    if len(draft.content) > CONTENT_CHARACTERS:
        yield Problem(("content",), "BASE_TYPE_MAX_LENGTH", f"is longer than {CONTENT_CHARACTERS} characters")


def custom_ids(draft: Draft, limits: Limits) -> Iterator[Problem]:
    seen: set[str] = set()
    for component in parts.walk(draft.components):
        custom_id = component.get("custom_id")
        if custom_id is None:
            continue
        if custom_id in seen:
            message = f"Component custom id {custom_id} cannot be duplicated"
            yield Problem(("components",), "COMPONENT_CUSTOM_ID_DUPLICATED", message)
        if len(custom_id) > CUSTOM_ID_CHARACTERS:
            yield Problem(("components",), "BASE_TYPE_BAD_LENGTH", f"custom id {custom_id} is too long")
        seen.add(custom_id)


def component_count(draft: Draft, limits: Limits) -> Iterator[Problem]:
    if len(list(parts.walk(draft.components))) > COMPONENTS:
        yield Problem(("components",), "BASE_TYPE_MAX_LENGTH", f"more than {COMPONENTS} components")
    if not draft.is_v2 and len(draft.components) > ACTION_ROWS:
        yield Problem(("components",), "BASE_TYPE_MAX_LENGTH", f"more than {ACTION_ROWS} action rows")


def button_kinds(draft: Draft, limits: Limits) -> Iterator[Problem]:
    for component in parts.walk(draft.components):
        if component["type"] != parts.BUTTON:
            continue
        is_link = component["style"] == 5
        if is_link == bool(component.get("custom_id")) or is_link != bool(component.get("url")):
            message = "A link button needs a url and no custom id, any other a custom id and no url"
            yield Problem(("components",), "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", message)
        if not component.get("label") and not component.get("emoji"):
            yield Problem(
                ("components",), "BUTTON_COMPONENT_LABEL_REQUIRED", "A button needs a label or emoji"
            )


def components_v2(draft: Draft, limits: Limits) -> Iterator[Problem]:
    if not draft.is_v2:
        if any(each["type"] in parts.VERSION_2_ONLY for each in parts.walk(draft.components)):
            yield Problem(
                ("components",), "UNION_TYPE_CHOICES", "these components need the flag IS_COMPONENTS_V2"
            )
        return
    for key, value in (("content", draft.content), ("embeds", draft.embeds)):
        if value:
            code, message = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", "not with IS_COMPONENTS_V2"
            yield Problem((key,), code, message)
    if sum(map(len, parts.texts(draft.components))) > V2_CHARACTERS:
        yield Problem(
            ("components",), "BASE_TYPE_MAX_LENGTH", f"more than {V2_CHARACTERS} characters of text"
        )


def attachments_shown(draft: Draft, limits: Limits) -> Iterator[Problem]:
    """Without a component that shows it, nobody sees a file of a components V2 message."""
    for name in sorted(draft.new_names - draft.references) if draft.is_v2 else []:
        yield Problem(("attachments",), "ATTACHMENT_NOT_SHOWN", f"no component shows {name}")


def attachments_exist(draft: Draft, limits: Limits) -> Iterator[Problem]:
    known = draft.new_names | {file.filename for file in draft.kept}
    for name in sorted(draft.references - known):
        message = f"The referenced attachment {name} was not found"
        yield Problem(("components",), "UNKNOWN_ATTACHMENT", message)


def attachment_entries(draft: Draft, limits: Limits) -> Iterator[Problem]:
    if not draft.listed:
        return
    listed = {int(entry["id"]) for entry in draft.listed}
    for number in sorted(set(draft.uploads) - listed):
        yield Problem(("attachments",), "ATTACHMENT_ENTRY_MISSING", f"files[{number}] has no entry of its id")
    for number in sorted(listed - set(draft.uploads) - {file.id for file in draft.kept}):
        yield Problem(("attachments",), "ATTACHMENT_UNKNOWN", f"there is no file of the id {number}")


def attachment_descriptions(draft: Draft, limits: Limits) -> Iterator[Problem]:
    for index, entry in enumerate(draft.listed):
        if len(entry.get("description") or "") > DESCRIPTION_CHARACTERS:
            message = f"is longer than {DESCRIPTION_CHARACTERS} characters"
            yield Problem(("attachments", index, "description"), "BASE_TYPE_MAX_LENGTH", message)


def allowed_mentions(draft: Draft, limits: Limits) -> Iterator[Problem]:
    """Ours: what is new pings nobody, and says so."""
    if not draft.is_new or not limits.is_strict_about_mentions:
        return
    allowed = draft.body.get("allowed_mentions")
    if not isinstance(allowed, dict) or allowed.get("parse") != [] or allowed.get("replied_user"):
        yield Problem(
            ("allowed_mentions",), "MENTIONS_ALLOWED", f"parse must be [], nobody pinged: {allowed}"
        )


RULES: tuple[Rule, ...] = (
    content_length,
    custom_ids,
    component_count,
    button_kinds,
    components_v2,
    attachments_shown,
    attachments_exist,
    attachment_entries,
    attachment_descriptions,
    allowed_mentions,
)


def check(draft: Draft, limits: Limits, where: tuple[str, ...] = ()) -> None:
    """Refuse a message that breaks a rule; `where` is where in the request's body the message lies.

    Raises:
        Refusal: 413 for what is too large, 400 with every other problem.
    """
    check_sizes(draft.uploads, limits)
    for rule in RULES:
        problems = [Problem((*where, *each.where), each.code, each.message) for each in rule(draft, limits)]
        if problems:
            raise invalid_form(rule.__name__, problems)
    if draft.is_new and not (draft.content or draft.embeds or draft.components or draft.uploads):
        raise Refusal(400, 50006, "Cannot send an empty message", rule="empty_message")


def check_sizes(uploads: Mapping[int, Upload], limits: Limits) -> None:
    sizes = [len(upload.data) for upload in uploads.values()]
    if sum(sizes) > limits.request_bytes or any(size > limits.attachment_bytes for size in sizes):
        raise Refusal(413, 40005, "Request entity too large", rule="upload_size")
