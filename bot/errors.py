"""Why a wish of a person in a chat is not met; the adapters put it into words (`bot.messages`)."""

from __future__ import annotations

from inference.errors import ReparteeError


class WishError(ReparteeError):
    """Root of what is refused to a person in a chat."""


class ExpiredError(WishError):
    """The preview is too old, or another click has used it up."""


class NotYoursError(WishError):
    """Somebody else's preview or post."""


class OptedOutError(WishError):
    """Who wrote the message does not want to be reacted to."""


class NoGifError(WishError):
    """No GIF is left that fits all that is asked."""


class NoMoodError(WishError):
    """There is no such mood."""


class ForeignError(WishError):
    """The message is in a language that the model does not know, so that somebody has to look first."""


class GoneError(WishError):
    """The message that was to be answered has been deleted."""


class ForbiddenError(WishError):
    """The bot may not post there."""


class NotInvitedError(WishError):
    """The bot is not in the channel."""


class NotAdminError(WishError):
    """Only admins of the workspace may change that."""


class NotAllowedError(WishError):
    """Only those who run the channel or the workspace may change that."""


class PackWishError(WishError):
    """What is asked of a pack cannot be done; the text says why, fit for who asks."""


class PackForbiddenError(WishError):
    """The person may not change the pack of the server."""


class NoPacksError(WishError):
    """Whoever runs the bot has switched own packs off."""
