"""Response URLs: at most five uses within 30 minutes, tied to one person, channel and perhaps message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.slack_side.errors import Refusal
from tests.slack_side.messages import ShownMessage
from tests.slack_side.world import Channel, Person, World

MOST_USES, LIFE_S = 5, 30 * 60.0


@dataclass(eq=False)
class Hook:
    """One response URL and what has been done with it."""

    url: str
    person: Person
    channel: Channel
    made_at: float
    original: ShownMessage | None = None
    uses: int = 0
    shown: list[ShownMessage] = field(default_factory=list)
    replacements: int = 0
    is_original_deleted: bool = False


class HookBook:
    """All response URLs, found by their path."""

    def __init__(self, world: World, base_url: str, clock: Callable[[], float]) -> None:
        self._world, self._base_url, self._clock = world, base_url, clock
        self._all: dict[str, Hook] = {}

    def new(self, person: Person, channel: Channel, original: ShownMessage | None = None) -> Hook:
        key = f"{self._world.team_id}/{self._world.new_id('')}"
        hook = Hook(f"{self._base_url}/hooks/{key}", person, channel, self._clock(), original)
        self._all[key] = hook
        return hook

    def of_url(self, url: str) -> Hook:
        return next(each for each in self._all.values() if each.url == url)

    def use(self, key: str) -> Hook:
        """Find a response URL and count its use.

        Raises:
            Refusal: where it is unknown, used up or too old.
        """
        hook = self._all.get(key)
        if hook is None:
            raise Refusal("no_such_hook", status=404, rule="response_url")
        if self._clock() - hook.made_at > LIFE_S:
            raise Refusal("expired_url", status=404)
        if hook.uses >= MOST_USES:
            raise Refusal("used_url", status=404, rule="response_url_uses")
        hook.uses += 1
        return hook
