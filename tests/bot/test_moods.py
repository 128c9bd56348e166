import pytest

from bot.errors import NoMoodError
from bot.moods import CHOICES, find_mood, suggest


@pytest.mark.parametrize(
    ("said", "mood"),
    [
        ("", ""),
        ("hug", "hug"),
        ("Eye Roll", "eye_roll"),
        ("mic_drop", "mic_drop"),
        ("  you got  this ", "you_got_this"),
    ],
)
def test_a_mood_is_found_as_people_write_it(said: str, mood: str) -> None:
    assert find_mood(said) == mood


def test_there_is_no_mood_of_any_other_name() -> None:
    with pytest.raises(NoMoodError):
        find_mood("melancholy")


def test_suggestions_begin_with_what_was_typed() -> None:
    assert suggest("th")[:4] == ["thumbs_up", "thank_you", "thinking", "thumbs_down"]
    assert suggest("yes") == ["yes"]
    assert "eye_roll" in suggest("roll")
    assert suggest("zzz") == []


def test_with_nothing_typed_the_commonest_come_first() -> None:
    found = suggest("")
    assert (len(found), found[0]) == (CHOICES, "laugh")
