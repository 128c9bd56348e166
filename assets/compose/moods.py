"""Strong feelings: angry and cry."""

from assets.compose import emoji as e
from assets.compose.groups import jumping, mirrored, raining
from assets.compose.motion import cycle, dip, hop, keys, wave
from assets.compose.pictures import DROP
from assets.compose.scene import Composition, Sprite, reaction

MOODS: tuple[Composition, ...] = (
    reaction(
        "steam-from-ears",
        "Steam comes out of the ears",
        "angry",
        "angry, steam, furious, mad, rage, boiling",
        "A red face trembles and clouds of steam shoot out at both sides: furious.",
        mirrored(
            Sprite(
                e.PUFF,
                x=keys((0.05, 112), (0.45, 142), (0.5, 112), (0.95, 142)),
                y=60,
                size=dip(46, 2, 0.02, 0.98),
            )
        ),
        Sprite(e.ENRAGED, x=wave(80, 2.5, 9), y=90, size=112),
        poster=0.25,
    ),
    reaction(
        "head-on-fire",
        "A head on fire",
        "angry oh_snap",
        "angry, fire, fuming, rage, hot head, mad",
        "Flames blaze on top of a cursing red face that shakes: fuming with rage.",
        Sprite(e.FIRE, x=80, y=44, size=84, play=cycle(2)),
        mirrored(Sprite(e.FIRE, x=46, y=58, size=56, play=cycle(2, 0.4), turn=-12)),
        Sprite(e.CURSING, x=wave(80, 2, 9), y=104, size=100, play=cycle()),
        frames=26,
        duration_ms=70,
    ),
    reaction(
        "table-thump",
        "A fist thumps the table",
        "angry no",
        "angry, fist, thump, mad, enough, table",
        "An angry face shakes and a fist thumps down again and again with an anger mark above: enough!",
        Sprite(e.ANGRY, x=64, y=hop(80, 5, 3), size=108),
        Sprite(e.RAISED_FIST, x=126, y=hop(128, 44, 3), size=58),
        Sprite(e.ANGER_SIGN, x=118, y=30, size=wave(38, 7, 3)),
    ),
    reaction(
        "volcano-rage",
        "A volcano erupts",
        "angry oh_snap",
        "angry, volcano, erupt, explode, rage, boiling",
        "A volcano shakes and spits fire behind a red face: about to explode.",
        jumping(e.FIRE, 80, 40, 5, 24, 60, 34),
        Sprite(e.VOLCANO, x=wave(80, 2, 8), y=80, size=128),
        Sprite(e.ENRAGED, x=wave(80, 2, 9), y=122, size=68),
    ),
    reaction(
        "fountain-of-tears",
        "Tears like fountains",
        "cry",
        "cry, tears, sob, sad, fountain, bawling",
        "A sobbing face opens its mouth wide and tears jump out in arcs: bawling.",
        jumping(DROP, 52, 84, 5, 18, 70, 50),
        jumping(DROP, 108, 84, 5, 18, -70, 50),
        Sprite(e.SOBBING, y=92, size=106, play=cycle()),
    ),
    reaction(
        "crying-in-the-rain",
        "Crying in the rain",
        "cry sigh",
        "cry, rain, sad, lonely, blue, tears",
        "Rain falls on a crying face that slowly rocks: so sad.",
        raining((DROP,), 9, 15, 0),
        Sprite(e.CRYING, y=92, size=106, play=cycle(), turn=wave(0, 6, 1)),
    ),
    reaction(
        "onion-tears",
        "The onion made me cry",
        "cry laugh",
        "cry, onion, not crying, tears, touched, you are cutting onions",
        "An onion hops in front of a face with wet eyes, tears spring: I am not crying, it is the onion.",
        Sprite(e.HOLDING_TEARS, x=64, y=72, size=108, turn=wave(0, 4, 2)),
        jumping(DROP, 52, 84, 4, 14, 40, 30),
        Sprite(e.ONION, x=120, y=hop(122, 12, 3), size=60, turn=wave(0, 8, 3)),
    ),
    reaction(
        "cat-cries",
        "A crying cat",
        "cry awww",
        "cry, cat, sad, tears, hungry, poor thing",
        "A cat with a tear on its cheek lowers its head and rain begins to fall: poor thing.",
        Sprite(e.RAIN_CLOUD, y=34, size=74, play=cycle()),
        Sprite(e.CAT_CRYING, y=108, size=94, pitch=dip(0.06, 1, 0.1, 0.9), play=cycle()),
    ),
)
