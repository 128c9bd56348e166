"""Cheeky reactions: mic drop, deal with it, slow clap."""

from assets.compose import emoji as e
from assets.compose.groups import mirrored, sparks
from assets.compose.motion import bounce, cycle, dip, fall, hop, keys, linear, overshoot, pop, wave
from assets.compose.scene import Composition, Sprite, reaction

_CLAP = ((0.0, 0.0), (0.18, 0.0), (0.36, 0.25), (0.5, 0.5), (0.68, 0.5), (0.86, 0.75), (1.0, 0.99))


def _slow_clap(x: float, y: float, size: float) -> Sprite:
    """Hands that clap only twice a loop and tremble a little when they meet."""
    return Sprite(e.CLAP, x=x, y=dip(-6, 2, 0.0, 1.0, y), size=size, play=keys(*_CLAP, ease=linear))


BANTER: tuple[Composition, ...] = (
    reaction(
        "mic-drop",
        "Mic drop",
        "mic_drop deal_with_it win",
        "mic drop, microphone, boom, nailed it, over and out, end of discussion",
        "An open hand lets go of a microphone, which falls, bounces and comes to rest: mic drop.",
        Sprite(e.PALM_DOWN, x=86, y=keys((0, 40), (0.12, 34), (0.9, 34), (1, 40)), size=86),
        Sprite(
            e.MICROPHONE,
            x=keys((0.15, 84), (0.75, 58)),
            y=keys((0, 62), (0.15, 62), (0.62, 130, bounce), (0.93, 130), (0.94, 62)),
            size=keys((0, 58), (0.9, 58), (0.93, 0), (0.95, 0), (1, 58)),
            turn=keys((0.15, 90), (0.4, 200), (0.7, 225), (0.93, 225), (0.94, 90)),
        ),
        sparks(70, 144, 0.34, reach=44, count=8, size=16),
        frames=36,
        poster=0.28,
    ),
    reaction(
        "cool-mic-drop",
        "A cool face drops the mic",
        "mic_drop deal_with_it",
        "mic drop, sunglasses, cool, boom, said it, bye",
        "A face with sunglasses lets a microphone fall and turns away without a look: mic drop.",
        Sprite(
            e.SUNGLASSES_FACE,
            x=60,
            y=66,
            size=104,
            yaw=keys((0.35, 0), (0.5, -0.16), (0.85, -0.16), (0.97, 0)),
            pitch=keys((0.35, 0), (0.5, -0.05), (0.85, -0.05), (0.97, 0)),
        ),
        Sprite(
            e.MICROPHONE,
            x=124,
            y=keys((0, 40), (0.12, 40), (0.58, 128, bounce), (0.92, 128), (0.93, 40)),
            size=keys((0, 52), (0.9, 52), (0.93, 0), (0.94, 0), (1, 52)),
            turn=keys((0.12, -10), (0.5, 130), (0.92, 130), (0.93, -10)),
        ),
        sparks(124, 144, 0.3, reach=34, count=6, size=14),
        frames=36,
        poster=0.22,
    ),
    reaction(
        "cat-mic-drop",
        "A cat drops the mic",
        "mic_drop deal_with_it",
        "mic drop, cat, smug, sass, boom, that's it",
        "A smug cat with sunglasses watches a microphone crash to the ground: mic drop.",
        Sprite(e.CAT_SMIRK, x=58, y=76, size=104, yaw=keys((0.4, 0), (0.5, 0.06), (0.9, 0.06), (1, 0))),
        Sprite(e.SUNGLASSES, x=56, y=68, size=78),
        Sprite(
            e.MICROPHONE,
            x=122,
            y=keys((0, -50), (0.1, -50), (0.65, 122, bounce), (0.92, 122), (1, 210, fall)),
            size=58,
            turn=keys((0.1, 0), (0.4, 150), (0.65, 180)),
        ),
        sparks(122, 140, 0.32, e.STAR, reach=38, count=6, size=16),
        poster=0.3,
    ),
    reaction(
        "mic-crater",
        "The mic explodes on impact",
        "mic_drop win oh_snap",
        "mic drop, explosion, boom, crushing, final word, burn",
        "A microphone falls from above and an explosion flares where it hits: mic drop, boom.",
        Sprite(
            e.COLLISION,
            x=80,
            y=112,
            size=keys((0.32, 0), (0.42, 150, overshoot), (0.7, 130), (0.85, 0)),
            turn=wave(0, 4, 6),
        ),
        Sprite(e.PUFF, x=keys((0.35, 110), (0.6, 138)), y=130, size=pop(0.35, 0.9, 48)),
        Sprite(e.PUFF, x=keys((0.35, 50), (0.6, 22)), y=130, size=pop(0.35, 0.9, 48), flip=True),
        Sprite(
            e.MICROPHONE,
            x=84,
            y=keys((0, -60), (0.35, 104, fall), (0.9, 104), (1, 230, fall)),
            size=84,
            turn=keys((0, 0), (0.35, 135, linear)),
        ),
        poster=0.45,
    ),
    reaction(
        "deal-with-it",
        "Sunglasses slide down: deal with it",
        "deal_with_it mic_drop",
        "deal with it, sunglasses, smug, cool, like a boss, so what",
        "Sunglasses glide down from above on to a smug face, which tilts back coolly: deal with it.",
        Sprite(e.SMIRK, y=86, size=126, turn=keys((0.6, 0), (0.7, -8), (0.9, -8), (1, 0))),
        Sprite(
            e.SUNGLASSES,
            x=keys((0.6, 80), (0.7, 73), (0.9, 73), (1, 80)),
            y=keys((0, -30), (0.55, 74, linear), (0.9, 74), (1, -30)),
            size=100,
            turn=keys((0.6, 0), (0.7, -8), (0.9, -8), (1, 0)),
        ),
        sparks(112, 62, 0.62, reach=26, count=5, size=16),
        poster=0.75,
    ),
    reaction(
        "cat-deal-with-it",
        "A cat puts sunglasses on",
        "deal_with_it awww",
        "deal with it, cat, sunglasses, cool cat, smug, unbothered",
        "Sunglasses drop on the nose of a smug cat, which tilts its head: deal with it.",
        Sprite(
            e.CAT_SMIRK, y=88, size=124, turn=keys((0.55, 0), (0.68, 10), (0.9, 10), (1, 0)), pivot=(0.5, 1)
        ),
        Sprite(
            e.SUNGLASSES,
            x=keys((0.55, 76), (0.68, 86), (0.9, 86), (1, 76)),
            y=keys((0, -30), (0.5, 80, linear), (0.9, 80), (1, -30)),
            size=94,
            turn=keys((0.55, 0), (0.68, 10), (0.9, 10), (1, 0)),
        ),
        poster=0.75,
    ),
    reaction(
        "moai-deal-with-it",
        "A stone head wears shades",
        "deal_with_it seriously",
        "deal with it, moai, stone face, sunglasses, unbothered, cool",
        "Sunglasses float down on a stone head that does not move a muscle: deal with it.",
        Sprite(e.MOAI, y=88, size=126),
        Sprite(
            e.SUNGLASSES, x=58, y=keys((0, -30), (0.5, 76, linear), (0.9, 76), (1, -30)), size=78, turn=-4
        ),
        sparks(82, 66, 0.55, reach=26, count=5, size=16),
        poster=0.75,
    ),
    reaction(
        "cool-unbothered",
        "Cool while it burns",
        "deal_with_it shrug",
        "deal with it, unbothered, fire, cool, this is fine, whatever",
        "A face with sunglasses bobs calmly while flames burn at both sides: deal with it.",
        mirrored(Sprite(e.FIRE, x=28, y=96, size=88, play=cycle(2))),
        Sprite(e.SUNGLASSES_FACE, y=hop(84, 6, 2), size=104, play=cycle()),
        mirrored(Sprite(e.FIRE, x=58, y=138, size=46, play=cycle(2, 0.4))),
        frames=26,
        duration_ms=70,
    ),
    reaction(
        "slow-clap",
        "Slow clap",
        "slow_clap seriously",
        "slow clap, sarcasm, unimpressed, bravo, wow, well done",
        "An unamused face claps its hands very slowly: a sarcastic bravo.",
        Sprite(e.UNAMUSED, y=60, size=104),
        _slow_clap(80, 118, 76),
        frames=40,
    ),
    reaction(
        "smirk-slow-clap",
        "A smirking slow clap",
        "slow_clap applause",
        "slow clap, smirk, not bad, sarcasm, respect, bravo",
        "A smirking face nods slowly while it claps at its ease: well, well, not bad.",
        Sprite(e.SMIRK, y=60, size=104, pitch=dip(0.1, 2, 0.0, 1.0)),
        _slow_clap(80, 118, 76),
        frames=40,
    ),
    reaction(
        "moai-slow-clap",
        "A stone head claps",
        "slow_clap seriously",
        "slow clap, moai, stone face, deadpan, bravo, sarcasm",
        "A stone head stares without expression while hands clap slowly before it: how impressive.",
        Sprite(e.MOAI, y=66, size=114),
        _slow_clap(92, 122, 70),
        frames=40,
    ),
    reaction(
        "cat-slow-clap",
        "A grumpy cat claps",
        "slow_clap eye_roll",
        "slow clap, cat, grumpy, bravo, sarcasm, wow",
        "A grumpy cat dips its head once while hands clap slowly: oh, bravo.",
        Sprite(e.CAT_POUTING, y=62, size=104, pitch=dip(0.06, 1, 0.3, 0.8)),
        _slow_clap(80, 120, 74),
        frames=40,
    ),
)
