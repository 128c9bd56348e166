"""The one exception that every checkpoint reader raises."""

from inference.errors import ReparteeError


class CheckpointError(ReparteeError, ValueError):
    """A checkpoint that cannot be used; the message is a sentence that names the file and what is wrong."""
