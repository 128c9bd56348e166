"""What the reaction categories mean, in words, for models that know no categories.

A text tower that was trained on messages and the GIFs that answered them reads messages, so beside its name
and a description each category has messages that it would answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from inference.vectors import unit

Floats = npt.NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]

TEMPLATES = ("{}", "a GIF that says {}", "the reaction is {}")


class Meaning(NamedTuple):
    """A description of a reaction, and messages that it answers well."""

    description: str
    messages: tuple[str, ...]


# fmt: off
MEANINGS: Mapping[str, Meaning] = {
    "agree": Meaning("nodding along, my opinion", ("mondays should be forbidden", "he is the best coach")),
    "applause": Meaning("clapping, well done", ("I finally passed the exam", "our team shipped it on time")),
    "awww": Meaning("melting, how cute", ("look at my new puppy", "my son drew me a heart")),
    "dance": Meaning("dancing to the music", ("who is coming to the party tonight?", "this song is so good")),
    "deal_with_it": Meaning("cool with sunglasses, take it or leave it", ("they hate my new hair",)),
    "do_not_want": Meaning("pushing it away, no thanks", ("want to try pineapple on your steak?",)),
    "eww": Meaning("disgusted", ("there was a hair in my soup", "he never washes his hands")),
    "eye_roll": Meaning("rolling the eyes, annoyed", ("my ex texted me again", "they want another meeting")),
    "facepalm": Meaning("hand on the face, embarrassed by stupidity", ("I locked my keys in the car again",)),
    "fist_bump": Meaning("bumping fists, nice one mate", ("we did it together", "count me in")),
    "good_luck": Meaning("fingers crossed", ("my job interview is tomorrow", "wish me luck")),
    "happy_dance": Meaning("dancing for joy", ("it is Friday and I got the tickets", "holidays start today")),
    "hearts": Meaning("sending love", ("you are the best friend I have", "I love you all")),
    "high_five": Meaning("giving a high five", ("we make a great team", "I ran my first ten kilometres")),
    "hug": Meaning("giving a warm hug, comfort", ("I miss you", "I feel so lonely tonight")),
    "idk": Meaning("I do not know", ("what is the meaning of life?", "does anybody know how this works?")),
    "kiss": Meaning("blowing a kiss", ("good night my love", "can't wait to see you, babe")),
    "mic_drop": Meaning("dropping the microphone, nothing to add", ("I told him the truth and left",)),
    "no": Meaning("shaking the head, refusing", ("can you work on Sunday?", "lend me a thousand dollars")),
    "oh_snap": Meaning("what a burn, surprised by a comeback", ("she told him to his face before us all",)),
    "ok": Meaning("okay, fine", ("I will be there at five", "dinner is in the oven")),
    "omg": Meaning("oh my god, overwhelmed", ("I met my favourite singer", "they are getting married")),
    "oops": Meaning("a small mishap, guilty look", ("you sent the mail to the whole company",)),
    "please": Meaning("begging, puppy eyes", ("should I bring cake?", "I might have a spare ticket")),
    "popcorn": Meaning("watching the drama with popcorn", ("they are fighting in the comments again",)),
    "scared": Meaning("frightened", ("I heard steps in the attic", "there is a huge spider in my room")),
    "seriously": Meaning("are you serious, in disbelief", ("he wants a raise on his second day",)),
    "shocked": Meaning("jaw on the floor", ("they fired the whole department", "he has a secret family")),
    "shrug": Meaning("shrugging, it is what it is", ("no idea why it works", "pizza or pasta, whatever")),
    "sigh": Meaning("sighing, tired of it", ("another Monday", "the train is late again")),
    "slow_clap": Meaning("clapping slowly, sarcastic", ("congratulations, you broke it again",)),
    "smh": Meaning("shaking my head in disappointment", ("people still text while driving",)),
    "sorry": Meaning("apologising, feeling with somebody", ("you forgot my birthday", "my dog is ill")),
    "thank_you": Meaning("thankful", ("you look great today", "I saved you a seat")),
    "thumbs_down": Meaning("thumbs down, bad", ("the film was boring", "they raised the prices")),
    "thumbs_up": Meaning("thumbs up, good", ("the report is finished", "I booked the table")),
    "want": Meaning("longing, give it to me", ("look at this chocolate cake", "I am going to the beach")),
    "win": Meaning("winning, victory", ("we won the finals", "I beat my record")),
    "wink": Meaning("winking, flirting", ("somebody has a secret admirer", "maybe I know who did it")),
    "yawn": Meaning("yawning, bored or tired", ("I have been up since four", "this lecture never ends")),
    "yes": Meaning("yes, excited", ("shall we order pizza?", "are you coming with us?")),
    "yolo": Meaning("you only live once, reckless", ("I quit my job to travel the world",)),
    "you_got_this": Meaning("encouraging, you can do it", ("the exam scares me", "I want to give up")),
    "laugh": Meaning("laughing out loud", ("my cat fell off the sofa", "that joke was so funny")),
    "cry": Meaning("crying, sad", ("my grandmother died", "she left me")),
    "angry": Meaning("furious", ("somebody stole my bike", "they cancelled my flight without a word")),
    "thinking": Meaning("thinking hard, hmm", ("what should I cook tonight?", "who could have done this?")),
    "celebrate": Meaning("celebrating with confetti", ("it is my birthday", "I got the job")),
}
# fmt: on


def phrases(category: str) -> list[str]:
    """Return the texts whose mean stands for a category; one that is not known is its name alone."""
    name = category.replace("_", " ")
    meaning = MEANINGS.get(category, Meaning("", ()))
    description = [meaning.description] if meaning.description else []
    return [*(template.format(name) for template in TEMPLATES), *description, *meaning.messages]


def named_anchors(names: Sequence[str], embed: Embed) -> Floats:
    """Return the categories' anchors, (categories, dim) float32 of unit norm, out of words alone.

    What all categories have in common is taken out, as it says nothing of which one it is.
    """
    means = np.stack([unit(embed(phrases(name)).mean(0)) for name in names])
    return unit(means - means.mean(0)) if len(names) > 2 else means
