"""Whether a message is in another language than English, by the little words that every sentence has.

A model that was trained on English takes "meine Oma ist gestorben" for small talk. Other scripts show by
their letters (`inference.preprocess.foreign_share`), languages of Latin script by their words.
"""

from __future__ import annotations

import re

LEAST_WORDS = 2  # of another language, in a message that has no more English ones
LEAST_SHARE = 0.3

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

_ENGLISH = """
    a about all am an and are as at be but can do for from get got had has have he her his how i if
    in is it its just like me my no not of on one or our out she so that the their them then there
    they this to up was we were what when who will with would you your i'm it's don't that's can't
    i've you're
    """
# Without those that are English words too, or names.
_OTHERS = {
    "German": """
        ich und ist bin nicht der das ein eine mein meine dein du wir ihr sie es mit auf für aber auch
        noch heute gestern morgen danke guten habe hab hat wurde sehr wie den dem vom zum schon kein
        keine alle
    """,
    "Dutch": """
        ik het een niet mijn jij wij zijn maar ook gisteren vandaag heel voor naar bedankt goed heb
        heeft ben
    """,
    "French": """
        je j'ai tu il elle nous vous est suis mon ma mes ton les des une pas c'est et pour avec dans qui
        sur hier aujourd'hui merci bonjour très mais fait d'un qu'il
    """,
    "Spanish, Portuguese": """
        el los las mi mis tu yo que y es está estoy soy muy pero por con para una un ayer hoy gracias
        hola todos del se lo te nos eu você minha meu não muito obrigado obrigada ontem hoje uma um com
    """,
    "Italian": """
        io ho il mia mio sono sei è non che per ieri oggi grazie ciao della di gli molto anche hai ha
    """,
    "Polish, Swedish, Turkish": """
        nie jest się mój moja wczoraj dzisiaj jestem ja na jag är och det inte mitt igår tack på ben bir
        ve çok bu dün benim
    """,
}
_ENGLISH_WORDS = frozenset(_ENGLISH.split())
_OTHER_WORDS = frozenset(word for words in _OTHERS.values() for word in words.split())


def is_other_language(text: str) -> bool:
    """Whether a message is likely in a language of Latin script other than English."""
    words = [word.lower() for word in _WORD.findall(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))]
    english = sum(word in _ENGLISH_WORDS for word in words)
    others = [word for word in words if word in _OTHER_WORDS or not word.isascii()]
    is_varied = len(set(others)) >= LEAST_WORDS  # not "ho ho ho"
    return is_varied and len(others) > english and len(others) >= LEAST_SHARE * len(words)
