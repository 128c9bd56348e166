"""The errors that a person can do something about: each says what is wrong and what to do."""

from __future__ import annotations


class ReparteeError(Exception):
    """Root of all expected failures; its text is one sentence fit for a person."""


class MessageError(ReparteeError):
    """The message, or what was asked about it, cannot be answered."""


class BundleError(ReparteeError):
    """A model bundle is missing, incomplete, changed or of a kind that is not understood."""


class PackError(ReparteeError):
    """A pack of GIFs, or one line of its manifest, cannot be used."""


class ServiceError(ReparteeError):
    """What answers requests is closed or gone, or failed at a request."""


class BusyError(ServiceError):
    """So many requests wait already that one more would be answered too late."""


class DeadlineError(ServiceError):
    """The request was not answered in time."""


class DuplicateError(ServiceError):
    """A request with this id has been answered, or is being answered, for somebody else."""


class UnavailableError(ServiceError):
    """Redis cannot be reached."""


class StageError(ServiceError):
    """A stage of the worker failed at this very request; it is not tried again."""


class VersionError(ServiceError):
    """The other side speaks a version of the wire protocol that this one does not."""


class CatalogueError(ReparteeError):
    """The catalogue cannot be opened, read or written."""


class DeviceError(ReparteeError):
    """The device that was asked for is not there, or onnxruntime cannot use it."""


class RefusedError(ReparteeError):
    """A file cannot be taken into a pack; `code` says why to programs."""

    def __init__(self, text: str, code: str = "unreadable") -> None:
        super().__init__(text)
        self.code = code


class DuplicateGifError(RefusedError):
    """The GIF, or one that looks the same, can be seen in this scope already."""

    def __init__(self, text: str, gif: str, name: str) -> None:
        super().__init__(text, "duplicate")
        self.gif = gif
        self.name = name


class PackFullError(RefusedError):
    """A server or workspace has as many GIFs as it may."""

    def __init__(self, text: str) -> None:
        super().__init__(text, "pack_full")


class UnknownGifError(ReparteeError):
    """No pack of this scope has such a GIF."""
