"""The reaction categories: the 43 of ReactionGIF (Shmueli et al., ACL 2021) and five that chats need."""

CATEGORIES = (
    *("agree", "applause", "awww", "dance", "deal_with_it", "do_not_want", "eww", "eye_roll"),
    *("facepalm", "fist_bump", "good_luck", "happy_dance", "hearts", "high_five", "hug", "idk"),
    *("kiss", "mic_drop", "no", "oh_snap", "ok", "omg", "oops", "please"),
    *("popcorn", "scared", "seriously", "shocked", "shrug", "sigh", "slow_clap", "smh"),
    *("sorry", "thank_you", "thumbs_down", "thumbs_up", "want", "win", "wink", "yawn"),
    *("yes", "yolo", "you_got_this", "laugh", "cry", "angry", "thinking", "celebrate"),
)
"""In the order that models and bundles use."""
