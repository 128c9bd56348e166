"""Playful reactions: yolo, wink, laugh."""

from assets.compose import emoji as e
from assets.compose.groups import mirrored, raining
from assets.compose.motion import cycle, dip, hop, keys, linear, pop, wave
from assets.compose.pictures import DROP, LINES
from assets.compose.scene import Composition, Sprite, reaction

MISCHIEF: tuple[Composition, ...] = (
    reaction(
        "parachute-yolo",
        "Jump with a parachute",
        "yolo happy_dance",
        "yolo, parachute, jump, daredevil, why not, adventure",
        "A wildly grinning face hangs under a parachute and swings down past clouds: you only live once.",
        Sprite(e.CLOUD, x=26, y=keys((0, 190), (1, -30), ease=linear), size=48),
        Sprite(e.CLOUD, x=136, y=keys((0, 260), (1, -90), ease=linear), size=40),
        Sprite(e.PARACHUTE, x=80, y=66, size=126, turn=wave(0, 10, 1), crop=(0, 0, 1, 0.62), pivot=(0.5, 0)),
        Sprite(e.WINK_TONGUE, x=wave(80, -15, 1), y=118, size=60, turn=wave(0, 12, 1)),
        frames=36,
    ),
    reaction(
        "skateboard-yolo",
        "Skateboard jump",
        "yolo dance",
        "yolo, skateboard, trick, jump, wild, send it",
        "A star-eyed face on a skateboard rolls on, jumps and spins the board in the air: yolo.",
        Sprite(LINES, x=18, y=110, size=pop(0.0, 0.3, 40, 0.08)),
        Sprite(LINES, x=18, y=110, size=pop(0.7, 1.0, 40, 0.08)),
        Sprite(
            e.SKATEBOARD,
            x=80,
            y=keys((0.25, 128), (0.5, 80), (0.75, 128)),
            size=98,
            turn=keys((0.25, 38), (0.75, 398)),
        ),
        Sprite(
            e.STAR_EYES,
            x=80,
            y=keys((0.25, 78), (0.5, 40), (0.75, 78), (0.82, 84), (0.9, 78)),
            size=76,
            turn=keys((0.25, 0), (0.4, -12), (0.6, 12), (0.75, 0)),
        ),
    ),
    reaction(
        "rocket-rider-yolo",
        "Riding a rocket",
        "yolo you_got_this celebrate",
        "yolo, rocket, launch, wild ride, send it, to the moon",
        "A cowboy face rides a rocket that shakes and races past stars: yolo.",
        raining((e.STAR,), 5, 18, 0),
        Sprite(e.ROCKET, x=wave(84, 3, 5), y=wave(96, 4, 3), size=120, play=cycle()),
        Sprite(e.COWBOY, x=wave(64, 3, 5), y=wave(54, 5, 3), size=64, turn=wave(-12, 7, 2)),
    ),
    reaction(
        "surf-yolo",
        "Surfing a giant wave",
        "yolo dance",
        "yolo, surf, wave, wild, ride it, adventure",
        "A surfer bobs before a rearing wave: ride it, you only live once.",
        Sprite(e.WAVE, x=wave(84, 4, 1), y=76, size=142, play=cycle()),
        Sprite(e.SURFER, x=wave(70, 12, 1), y=wave(108, 8, 2), size=88, play=cycle(), turn=wave(0, 7, 1)),
    ),
    reaction(
        "wink-star",
        "A wink with a star",
        "wink ok",
        "wink, star, flirt, hint, you know, cheeky",
        "A face winks and a star shoots off its closed eye: wink wink.",
        Sprite(e.WINK, y=82, size=124, play=keys((0, 0.5), (0.2, 0.5), (0.45, 0.99, linear), (0.99, 0.99))),
        Sprite(
            e.STAR,
            x=keys((0.45, 104), (0.8, 146)),
            y=keys((0.45, 64), (0.6, 30), (0.8, 44)),
            size=pop(0.42, 0.85, 34, 0.1),
            turn=keys((0.4, 0), (0.85, 200)),
        ),
    ),
    reaction(
        "wink-finger-guns",
        "Wink and finger guns",
        "wink thumbs_up deal_with_it",
        "wink, finger guns, hey you, smooth, charming, got you",
        "A winking face shoots with both index fingers, left and right: smooth.",
        Sprite(e.WINK, y=64, size=102),
        mirrored(
            Sprite(e.POINT_LEFT, x=dip(-10, 4, 0.1, 0.9, 40), y=122, size=66, turn=dip(14, 4, 0.1, 0.9))
        ),
    ),
    reaction(
        "roll-on-the-floor",
        "Rolling with laughter",
        "laugh",
        "laugh, rofl, rolling, hilarious, lmao, funny, dying",
        "A laughing face rolls over the floor to one side and back with tears flying: hilarious.",
        Sprite(e.ROLLING_LAUGH, x=wave(80, 26, 1), y=hop(92, 8, 4), size=104, turn=wave(0, 70, 1)),
        raining((DROP,), 4, 14, 0),
    ),
    reaction(
        "laugh-and-pound",
        "Pounding the floor with laughter",
        "laugh",
        "laugh, lol, pounding, cannot stop, hilarious, tears",
        "A face laughs to tears and a fist pounds the floor again and again: too funny.",
        Sprite(e.TEARS_OF_JOY, x=66, y=hop(76, 8, 4), size=112, play=cycle(), turn=wave(0, 5, 2)),
        Sprite(e.RAISED_FIST, x=126, y=hop(126, 42, 4), size=58, turn=180),
    ),
    reaction(
        "laughing-trio",
        "Three faces burst out laughing",
        "laugh celebrate",
        "laugh, lol, haha, together, good one, funny",
        "A face and two cats hop with laughter, each in its own time: good one.",
        Sprite(e.CAT_JOY, x=36, y=hop(106, 14, 3), size=66, play=cycle()),
        Sprite(e.CAT_JOY, x=124, y=hop(106, 14, 3, 0.5), size=66, play=cycle(1, 0.5), flip=True),
        Sprite(e.SQUINT_LAUGH, x=80, y=hop(72, 12, 4), size=88, play=cycle()),
    ),
)
