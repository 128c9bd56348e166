"""CIDEr-D of captions: worked by hand, and what it must never do."""

import math

import pytest

from export.cider import Cider, words_of

REFERENCES = {
    "cat": ["A cat sleeps on a bed", "A sleeping cat"],
    "dog": ["A dog runs on the grass"],
    "car": ["A red car on a road"],
}


def test_words_are_lower_case_without_punctuation() -> None:
    assert words_of("A cat's paw, 2 x!") == ("a", "cat's", "paw", "2", "x")


def test_a_reference_itself_scores_ten_where_it_is_the_only_one() -> None:
    cider = Cider(REFERENCES)
    assert cider.score("dog", "a dog runs on the grass.") == pytest.approx(10.0)
    assert cider.score("dog", "it rains") == 0.0
    assert cider.score("dog", "") == 0.0


def test_a_pair_worked_by_hand() -> None:
    # "a" and "on" stand in every picture's references, so they weigh nothing; what is left of "a dog on" is
    # "dog" among singles and "a dog" among pairs, each of weight log 3.
    cider = Cider(REFERENCES)
    singles, pairs = 1 / math.sqrt(4), 1 / math.sqrt(2) / math.sqrt(5)
    penalty = math.exp(-(3**2) / 72)
    assert cider.score("dog", "a dog on") == pytest.approx(10 * penalty * (singles + pairs) / 4)


def test_saying_a_word_again_and_again_is_no_gain() -> None:
    cider = Cider(REFERENCES)
    assert cider.score("dog", "dog dog dog dog") < cider.score("dog", "a dog")


def test_the_nearest_picture_is_the_one_it_is_about() -> None:
    cider = Cider(REFERENCES)
    nearest = cider.nearest("a red car")
    assert max(nearest, key=lambda key: nearest[key]) == "car"
    assert cider.nearest("nothing of it") == {}


def test_the_mean_is_over_pictures() -> None:
    cider = Cider(REFERENCES)
    captions = {"dog": "a dog runs on the grass", "car": "it rains"}
    assert cider.mean(captions) == pytest.approx(5.0)


@pytest.mark.parametrize("references", [{}, {"cat": []}])
def test_pictures_without_references_are_refused(references: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="needs a reference"):
        Cider(references)
