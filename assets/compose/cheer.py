"""Reactions that cheer together: applause, high five, fist bump, celebrate."""

from assets.compose import emoji as e
from assets.compose.groups import confetti_rain, mirrored, raining, sparks
from assets.compose.motion import cycle, dip, fall, hop, keys, overshoot, wave
from assets.compose.scene import Composition, Sprite, reaction

CHEER: tuple[Composition, ...] = (
    reaction(
        "clapping-star-eyes",
        "Star eyes and applause",
        "applause celebrate",
        "applause, clap, bravo, well done, impressive, amazing",
        "A face with star eyes claps its hands fast: bravo.",
        Sprite(e.STAR_EYES, y=62, size=98, play=cycle()),
        Sprite(e.CLAP, y=118, size=80, play=cycle(2)),
    ),
    reaction(
        "clapping-crowd",
        "A row of clapping hands",
        "applause",
        "applause, clap, crowd, ovation, bravo, everybody",
        "Three pairs of hands clap in turn: a round of applause.",
        Sprite(e.CLAP, x=40, y=62, size=72, play=cycle(2)),
        Sprite(e.CLAP, x=120, y=62, size=72, play=cycle(2, 0.33), flip=True),
        Sprite(e.CLAP, x=80, y=112, size=88, play=cycle(2, 0.66)),
    ),
    reaction(
        "roses-thrown",
        "Roses for the star",
        "applause thank_you",
        "applause, roses, ovation, bravo, performance, encore",
        "Roses rain on two clapping hands: bravo, encore.",
        raining((e.ROSE,), 7, 34),
        Sprite(e.CLAP, y=96, size=112, play=cycle(2)),
    ),
    reaction(
        "cat-applause",
        "A cat applauds",
        "applause awww",
        "applause, cat, clap, bravo, well done, cheering",
        "A cat with heart eyes bobs and claps: wonderful.",
        Sprite(e.CAT_HEART_EYES, y=hop(64, 6, 4), size=102),
        Sprite(e.CLAP, y=120, size=72, play=cycle(2)),
    ),
    reaction(
        "standing-ovation",
        "Hands in the air",
        "applause celebrate",
        "applause, ovation, hands up, praise, hooray, bravo",
        "A laughing face throws both hands up again and again in confetti: standing ovation.",
        confetti_rain(8, 13),
        Sprite(e.SMILING_EYES_GRIN, y=hop(98, 8, 3), size=92),
        mirrored(Sprite(e.SPREAD_HAND, x=28, y=hop(64, 24, 3), size=54, turn=wave(-12, 8, 3))),
    ),
    reaction(
        "high-five",
        "Two hands meet",
        "high_five agree",
        "high five, hands, teamwork, up top, nice one, slap",
        "Two open hands fly in from both sides, slap together and sparks fly: high five.",
        mirrored(
            Sprite(
                e.RAISED_HAND,
                x=keys((0, 14), (0.15, 8), (0.35, 54, fall), (0.6, 54), (1, 14)),
                y=88,
                size=84,
                turn=keys((0, -14), (0.35, 10), (0.6, 10), (1, -14)),
            )
        ),
        sparks(80, 66, 0.33, reach=62, count=9, size=24),
    ),
    reaction(
        "high-five-faces",
        "Two happy faces high five",
        "high_five celebrate",
        "high five, friends, team, nice one, up top, together",
        "Two grinning faces jump and clap hands in the middle above: high five.",
        Sprite(e.GRIN, x=40, y=keys((0.1, 112), (0.35, 96), (0.6, 112)), size=76),
        Sprite(e.SMILING_EYES_GRIN, x=120, y=keys((0.1, 112), (0.35, 96), (0.6, 112)), size=76),
        mirrored(
            Sprite(
                e.BACK_HAND,
                x=keys((0, 42), (0.12, 36), (0.35, 62, fall), (0.6, 62), (1, 42)),
                y=keys((0, 84), (0.35, 50), (0.6, 50), (1, 84)),
                size=56,
                turn=keys((0, -20), (0.35, 8), (0.6, 8), (1, -20)),
            )
        ),
        sparks(80, 36, 0.33, e.STAR, reach=50, count=7, size=22),
    ),
    reaction(
        "cat-dog-high-five",
        "Cat and dog high five",
        "high_five awww",
        "high five, cat, dog, friends, paws, team",
        "A cat and a dog hop towards each other and their raised hands meet with a spark: high five.",
        Sprite(e.CAT_GRIN, x=keys((0.1, 34), (0.35, 42), (0.6, 42), (1, 34)), y=108, size=78),
        Sprite(e.DOG, x=keys((0.1, 126), (0.35, 118), (0.6, 118), (1, 126)), y=108, size=78),
        mirrored(
            Sprite(
                e.RAISED_HAND,
                x=keys((0, 44), (0.35, 64, fall), (0.6, 64), (1, 44)),
                y=keys((0, 84), (0.35, 44), (0.6, 44), (1, 84)),
                size=48,
                turn=keys((0, -16), (0.35, 8), (0.6, 8), (1, -16)),
            )
        ),
        sparks(80, 34, 0.33, reach=46, count=8),
    ),
    reaction(
        "high-five-to-you",
        "A hand comes at you",
        "high_five thumbs_up",
        "high five, up top, slap, nice one, hand, yes",
        "A star-eyed face winds up and a flat hand shoots towards you and sparks: high five.",
        Sprite(e.STAR_EYES, x=54, y=96, size=92, turn=keys((0, 0), (0.2, -10), (0.4, 8), (0.8, 0))),
        Sprite(
            e.RAISED_HAND,
            x=112,
            y=keys((0, 96), (0.2, 108), (0.38, 70, fall), (0.7, 70), (1, 96)),
            size=keys((0, 52), (0.2, 46), (0.38, 104, overshoot), (0.7, 100), (1, 52)),
        ),
        sparks(112, 66, 0.36, reach=60, count=9),
    ),
    reaction(
        "fist-bump",
        "Two fists meet",
        "fist_bump agree",
        "fist bump, bro, respect, team, pound it, nice",
        "Two fists come from both sides, knock together and a burst flares: fist bump.",
        Sprite(e.COLLISION, x=80, y=78, size=keys((0.33, 0), (0.4, 78, overshoot), (0.55, 66), (0.65, 0))),
        mirrored(
            Sprite(
                e.RIGHT_FIST,
                x=keys((0, 24), (0.15, 14), (0.35, 42, fall), (0.42, 36), (0.6, 38), (1, 24)),
                y=88,
                size=82,
            )
        ),
        sparks(80, 80, 0.34, reach=66, count=9),
        poster=0.42,
    ),
    reaction(
        "fist-bump-faces",
        "Cool faces bump fists",
        "fist_bump deal_with_it",
        "fist bump, cool, bro, partners, respect, team",
        "Two faces with sunglasses nod while their fists knock together below: respect.",
        Sprite(e.SUNGLASSES_FACE, x=40, y=60, size=76, pitch=dip(0.08, 1, 0.4, 0.8)),
        Sprite(e.SUNGLASSES_FACE, x=120, y=60, size=76, pitch=dip(0.08, 1, 0.4, 0.8), flip=True),
        mirrored(
            Sprite(
                e.RIGHT_FIST,
                x=keys((0, 30), (0.15, 22), (0.35, 52, fall), (0.65, 52), (1, 30)),
                y=122,
                size=58,
            )
        ),
        sparks(80, 120, 0.34, reach=44, count=8),
        poster=0.42,
    ),
    reaction(
        "fist-to-you",
        "A fist comes at you",
        "fist_bump thumbs_up",
        "fist bump, pound it, bro, respect, knuckles, yeah",
        "A grinning face holds out a fist that shoots towards you and sparks: bump it.",
        Sprite(e.BEAM, x=60, y=62, size=98, pitch=dip(0.08, 1, 0.4, 0.8)),
        Sprite(
            e.FRONT_FIST,
            x=106,
            y=112,
            size=keys((0, 44), (0.15, 38), (0.4, 88, overshoot), (0.75, 84), (1, 44)),
        ),
        sparks(106, 112, 0.38, reach=60, count=9),
    ),
    reaction(
        "explosive-fist-bump",
        "Fist bump with fireworks",
        "fist_bump celebrate",
        "fist bump, explosion, boom, team, we did it, epic",
        "Two fists knock together, fly apart as open hands and stars burst between them: boom.",
        mirrored(
            Sprite(
                e.RIGHT_FIST,
                x=keys((0, 10), (0.3, 42, fall)),
                y=90,
                size=keys((0, 78), (0.4, 78), (0.41, 0), (0.95, 0), (1, 78)),
            )
        ),
        sparks(80, 84, 0.38, e.STAR, reach=72, count=9, size=28),
        sparks(80, 84, 0.45, reach=50, count=7),
        mirrored(
            Sprite(
                e.SPREAD_HAND,
                x=keys((0.4, 48), (0.65, 28), (0.95, 28)),
                y=keys((0.4, 88), (0.65, 72)),
                size=keys((0.4, 0), (0.41, 78), (0.92, 74), (0.98, 0)),
                turn=keys((0.4, 20), (0.65, -16)),
            )
        ),
    ),
    reaction(
        "popper-party",
        "Party popper and party face",
        "celebrate happy_dance",
        "celebrate, party, congratulations, hooray, popper, confetti",
        "A party face hops while poppers burst on both sides: congratulations.",
        confetti_rain(7, 13),
        Sprite(e.PARTY_FACE, y=hop(72, 8, 4), size=96, play=cycle()),
        mirrored(Sprite(e.POPPER, x=32, y=122, size=62, play=cycle())),
        frames=26,
        duration_ms=70,
    ),
    reaction(
        "champagne-pops",
        "Champagne for everybody",
        "celebrate win",
        "celebrate, champagne, cheers, toast, congratulations, party",
        "A champagne bottle shakes and pops with stars and coloured paper: cheers.",
        confetti_rain(8, 13),
        Sprite(e.CHAMPAGNE, y=92, size=116, play=cycle(), turn=wave(0, 5, 4)),
        sparks(52, 34, 0.1, e.STAR, count=6, reach=44, size=22),
    ),
)
