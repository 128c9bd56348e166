"""The one exception that every checkpoint reader raises."""


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is a sentence that names the file and what is wrong."""
