"""The reactions that fit a grave message."""

GENTLE = ("hug", "hearts", "sorry")
"""Primary categories; a chat shows no other ones then."""
