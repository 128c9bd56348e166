"""Reactions that move to music: dance and happy dance."""

from assets.compose import emoji as e
from assets.compose.groups import confetti_rain, notes
from assets.compose.motion import Channel, cycle, hop, wave
from assets.compose.scene import Composition, Sprite, reaction


def _groove(source: str, x: float = 80, size: float = 104, ground: float = 96, beat: float = 0) -> Sprite:
    """Return a sprite that hops on four beats a loop, sways on two and squashes where it lands."""
    squash: Channel = wave(1, 0.06, 4, beat + 0.25)
    return Sprite(
        source,
        x=wave(x, 8, 2, beat),
        y=hop(ground, 12, 4, beat),
        size=size,
        turn=wave(0, 11, 2, beat),
        squash=squash,
        pivot=(0.5, 1),
    )


DANCING: tuple[Composition, ...] = (
    reaction(
        "mirror-ball-dance",
        "Disco under a mirror ball",
        "dance celebrate",
        "dance, disco, party, mirror ball, groove, music",
        "A face with sunglasses sways to the beat under a turning mirror ball while notes rise: dance.",
        notes(),
        Sprite(e.MIRROR_BALL, y=30, size=52, turn=wave(0, 14, 1)),
        _groove(e.SUNGLASSES_FACE, 80, 88, 106),
    ),
    reaction(
        "penguin-dance",
        "A penguin waddles",
        "dance happy_dance",
        "dance, penguin, waddle, groove, music, moves",
        "A penguin waddles from side to side among music notes: dancing.",
        notes(),
        Sprite(e.PENGUIN, x=wave(80, 16, 1), y=hop(94, 8, 4), size=112, play=cycle(2)),
    ),
    reaction(
        "cat-dog-dance",
        "Cat and dog dance",
        "dance happy_dance",
        "dance, cat, dog, together, party, music",
        "A cat and a dog hop and sway in turn to the music: a dance for two.",
        notes(),
        _groove(e.CAT_GRIN, 46, 76, 104),
        _groove(e.DOG, 114, 76, 104, 0.5),
    ),
    reaction(
        "dancing-couple",
        "Two dancers on the floor",
        "dance celebrate",
        "dance, tango, disco, couple, moves, night out",
        "A dancer in a red dress and one in a disco suit swing to and fro among notes: let's dance.",
        notes(2),
        Sprite(e.DANCER, x=wave(46, 7, 2), y=92, size=92, play=cycle()),
        Sprite(e.DISCO_DANCER, x=wave(116, 7, 2), y=92, size=92, play=cycle()),
    ),
    reaction(
        "robot-dance",
        "A robot dances",
        "dance",
        "dance, robot, techno, beat, groove, moves",
        "A robot jerks left and right and bobs to the beat among notes: the robot dance.",
        notes(),
        _groove(e.ROBOT, 80, 100),
    ),
    reaction(
        "bouncing-grin",
        "Jumping for joy",
        "happy_dance celebrate",
        "happy dance, joy, bounce, yay, excited, woohoo",
        "A grinning face jumps and sways in confetti: a happy dance.",
        confetti_rain(8, 13),
        _groove(e.GRIN),
    ),
    reaction(
        "happy-cat-dance",
        "A cat dances for joy",
        "happy_dance awww",
        "happy dance, cat, yay, bounce, joy, excited",
        "A grinning cat hops from one side to the other among notes: so happy.",
        notes(),
        _groove(e.CAT_GRIN),
    ),
    reaction(
        "happy-dog-dance",
        "A dog dances for joy",
        "happy_dance awww",
        "happy dance, dog, yay, excited, walkies, joy",
        "A dog hops and sways with its tongue out in confetti: happy dance.",
        confetti_rain(8, 13),
        _groove(e.DOG),
    ),
    reaction(
        "chicks-happy-dance",
        "Three chicks dance",
        "happy_dance dance",
        "happy dance, chicks, party, cute, yay, together",
        "Three chicks hop in turn and flap: a happy dance for three.",
        notes(2),
        _groove(e.CHICK, 36, 58, 112),
        _groove(e.CHICK, 124, 58, 112, 0.5),
        _groove(e.CHICK, 80, 76, 108, 0.25),
    ),
    reaction(
        "party-hat-dance",
        "Dancing with a party hat",
        "happy_dance celebrate",
        "happy dance, party hat, birthday, yay, woohoo, weekend",
        "A face with a party hat and a blower hops and sways in confetti: party time.",
        confetti_rain(8, 13),
        _groove(e.PARTY_FACE),
    ),
    reaction(
        "panda-happy-dance",
        "A panda dances",
        "happy_dance dance",
        "happy dance, panda, groove, wiggle, joy, friday",
        "A panda wiggles to the beat while notes rise: happy dance.",
        notes(),
        _groove(e.PANDA),
    ),
)
