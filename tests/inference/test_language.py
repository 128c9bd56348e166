import pytest

from inference.language import is_other_language


@pytest.mark.parametrize(
    "text",
    [
        "Meine Oma ist gestorben und ich bin so traurig",
        "Mi padre murió ayer",
        "j\u2019ai perdu mon père hier",
        "mijn oma is gisteren overleden",
        "mia nonna è morta",
        "minha avó morreu ontem",
        "moja babcia umarła wczoraj",
        "GRACIAS A TODOS",
    ],
)
def test_other_languages_are_known_by_their_little_words(text: str) -> None:
    assert is_other_language(text)


@pytest.mark.parametrize(
    "text",
    [
        "I miss you",
        "I got the job!!",
        "ho ho ho",
        "Ha ha, good one",
        "café time",
        "C'est la vie lol",
        "we met at the Hotel El Sol in San José, it was nice",
        "",
        "\U0001f602",
    ],
)
def test_english_is_english_with_a_foreign_word_in_it(text: str) -> None:
    assert not is_other_language(text)
