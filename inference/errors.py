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
    """What answers requests is closed or gone."""


class CatalogueError(ReparteeError):
    """The catalogue cannot be opened, read or written."""


class DeviceError(ReparteeError):
    """The device that was asked for is not there, or onnxruntime cannot use it."""
