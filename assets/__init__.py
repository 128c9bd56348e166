"""Build the GIF pack: fetch Microsoft Fluent Emoji animations, compose, encode and describe them."""
