"""The one vocabulary of the small world: who lives in it, where, when, and what can be seen.

Stories are written and scenes are drawn from these tables, so that a sentence can be illustrated and a
text can be read back. Keys (``"desert"``, ``"night"``) name the facts; the phrases are what a reader sees.
Phrases that follow a verb are written so that they never depend on number ("the mountains lay", not "was").
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A place: phrases that say "in it", phrases that name it, and the things found only there."""

    within: tuple[str, ...]
    names: tuple[str, ...]
    high: tuple[str, ...]
    path: tuple[str, ...]
    hide: tuple[str, ...]
    ground: tuple[str, ...]
    shelter: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True)
class Time:
    """A time of day: phrases that say "at it" and phrases that name it."""

    at: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Character:
    """Someone a story can be about; the name, the kind and the pronouns always belong together."""

    name: str
    kind: str
    pronouns: str
    hands: str = "paws"


PLACES: dict[str, Place] = {
    "city": Place(
        ("in the futuristic city", "in the city", "in the city of tall towers", "in the big city"),
        ("the city", "the futuristic city", "the big city"),
        ("a street lamp", "a high balcony", "a tall signpost", "the top of a tower"),
        ("street", "moving walkway", "wide pavement", "glass bridge"),
        ("behind a lamp post", "under a glass bench", "inside a cardboard box", "behind a letter box"),
        ("pavement", "smooth stones"),
        ("a glass doorway", "a tram station", "an empty shop", "a round tower"),
        ("house", "train"),
    ),
    "mountains": Place(
        ("in the mountains", "high in the mountains", "up in the mountains", "in the high mountains"),
        ("the mountains", "the high mountains", "the grey mountains"),
        ("a steep rock", "a rocky ledge", "a crooked pine", "a stone arch"),
        ("rocky path", "mountain path", "goat track", "steep trail"),
        ("behind a boulder", "under a stone arch", "inside a crack in the rock", "behind a pile of stones"),
        ("stones", "bare rock"),
        ("a small cave", "a climber's hut", "a goat shed", "an old stone tower"),
        ("tent", "house"),
    ),
    "desert": Place(
        ("in the desert", "among the desert dunes", "out in the desert", "in the wide desert"),
        ("the desert", "the wide desert", "the sandy desert"),
        ("a tall cactus", "a great red rock", "a dry old palm", "a pillar of stone"),
        ("sandy trail", "camel track", "dusty road", "desert path"),
        ("behind a cactus", "under a flat red stone", "inside an empty jar", "behind a dry bush"),
        ("dry sand", "loose sand"),
        ("a narrow canyon", "a traveller's tent", "a mud hut", "a ruined tower"),
        ("tent", "windmill"),
    ),
    "ocean": Place(
        ("by the ocean", "on the shore of the ocean", "by the sea", "on the beach by the sea"),
        ("the ocean", "the blue ocean", "the sea"),
        ("an old ship's mast", "a tall sea rock", "a wooden pole", "the harbour crane"),
        ("long beach", "harbour wall", "sandy shore", "wooden pier"),
        (
            "under an upturned boat",
            "behind a heap of shells",
            "inside an empty barrel",
            "behind a coil of rope",
        ),
        ("wet sand", "pebbles"),
        ("a boat house", "a sea cave", "a fisherman's hut", "an old shipwreck"),
        ("boat", "lighthouse"),
    ),
    "forest": Place(
        ("in the forest", "deep in the forest", "in the green forest", "in the old forest"),
        ("the forest", "the green forest", "the deep forest"),
        ("a tall pine", "an old oak", "a forked birch", "a mossy stump"),
        ("forest trail", "mossy path", "shady path", "winding path"),
        ("under a fern", "inside a hollow log", "behind a thick trunk", "under a pile of leaves"),
        ("moss", "dry leaves"),
        ("a hollow tree", "a hut of branches", "a woodcutter's hut", "a dark hole under the roots"),
        ("tent", "house"),
    ),
    "meadow": Place(
        ("in the meadow", "out in the meadow", "in the flowery meadow", "in the wide green meadow"),
        ("the meadow", "the flowery meadow", "the green meadow"),
        ("a lone apple tree", "a high haystack", "a wooden fence post", "a tall willow"),
        ("grassy path", "clover path", "narrow lane", "field path"),
        ("under the tall grass", "behind a clump of daisies", "behind a haystack", "inside an old milk can"),
        ("clover", "short grass"),
        ("a wooden shed", "a shepherd's hut", "an old barn", "a stable"),
        ("windmill", "tent"),
    ),
    "village": Place(
        ("in the village", "in the little village", "in the quiet village", "in the middle of the village"),
        ("the village", "the little village", "the quiet village"),
        ("the bakery roof", "the sign of the inn", "the church tower", "a garden wall"),
        ("village lane", "cobbled lane", "market street", "church path"),
        ("behind a barrel", "under a market stall", "behind the well", "inside an empty flower pot"),
        ("cobbles", "old paving stones"),
        ("the bakery", "the village hall", "the old mill", "an empty shed"),
        ("house", "windmill"),
    ),
    "snow": Place(
        ("in the snowy valley", "down in the snowy valley", "in the snow", "in the deep snow of the valley"),
        ("the snowy valley", "the white, snowy valley", "the white valley"),
        ("a frosty fir tree", "a wall of ice", "an icy ledge", "a bare, frosty birch"),
        ("snowy track", "frozen path", "icy lane", "sledge track"),
        ("behind a snowdrift", "under a frosty bush", "inside a wooden sledge", "behind a block of ice"),
        ("soft snow", "smooth ice"),
        ("a house of ice", "a log cabin", "an ice cave", "a ski hut"),
        ("snowman", "tent"),
    ),
}

TIMES: dict[str, Time] = {
    "morning": Time(
        ("at sunrise", "early in the morning", "at dawn", "in the morning"),
        ("the morning", "the early morning"),
    ),
    "noon": Time(
        ("at noon", "in the middle of the day", "at midday", "in the bright noon sun"),
        ("the day", "the bright day"),
    ),
    "sunset": Time(
        ("at sunset", "in the evening", "at dusk", "in the evening light"),
        ("the evening", "the golden evening"),
    ),
    "night": Time(
        ("at night", "after dark", "under the stars", "at midnight"), ("the night", "the starry night")
    ),
}

MOODS: tuple[str, ...] = ("happy", "calm", "brave", "curious", "sleepy", "sad", "funny", "scary")

CHARACTERS: dict[str, Character] = {
    character.name: character
    for character in (
        Character("Mina", "fox", "she"),
        Character("Pim", "mouse", "he"),
        Character("Bram", "bear", "he"),
        Character("Suri", "girl", "she", "hands"),
        Character("Tavi", "boy", "he", "hands"),
        Character("Odo", "robot", "he", "hands"),
        Character("Nell", "rabbit", "she"),
        Character("Koa", "otter", "he"),
        Character("Pia", "hedgehog", "she"),
        Character("Gus", "badger", "he"),
        Character("Lila", "cat", "she"),
        Character("Juno", "squirrel", "she"),
    )
}

PRONOUNS: dict[str, dict[str, str]] = {
    "she": {"they": "she", "them": "her", "their": "her", "themself": "herself"},
    "he": {"they": "he", "them": "him", "their": "his", "themself": "himself"},
}

COLORS: tuple[str, ...] = ("red", "blue", "yellow", "green", "white", "purple")
SKY_THINGS: tuple[str, ...] = ("balloon", "rocket", "bird", "flying car", "airship", "cloud")
THING_COLORS: dict[str, tuple[str, ...]] = {
    "cloud": ("white", "grey", "pink"),
    "bird": ("black", "white", "blue"),
    "snowman": ("white",),
}
NUMBERS: tuple[str, ...] = ("two", "three")
ADJECTIVES: tuple[str, ...] = ("little", "young", "small", "clever", "friendly", "polite", "clumsy", "lively")
# Said only of somebody whom a request describes so.
ASKED_ADJECTIVES: tuple[str, ...] = (
    "red", "tiny", "grey", "big", "brown", "huge", "white", "wet", "playful", "prickly", "round", "old",
    "striped", "black", "quick",
)  # fmt: skip


def plural(thing: str) -> str:
    """Say several of a thing ("flying car" -> "flying cars", "snowman" -> "snowmen")."""
    return thing[:-3] + "men" if thing.endswith("man") else thing + "s"


def things_in(place: str) -> tuple[str, ...]:
    """Name the things that can be seen in a place: everything of the sky, and what stands on its ground."""
    return SKY_THINGS + PLACES[place].things


def colors_of(thing: str) -> tuple[str, ...]:
    """List the colours that a thing can have; most things can have any of ``COLORS``."""
    return THING_COLORS.get(thing, COLORS)


def thing_phrase(thing: str, several: bool = False) -> tuple[str, ...]:
    """List the ways to name a thing with number and colour ("a red balloon"; "two red balloons")."""
    if several:
        return tuple(f"{number} {color} {plural(thing)}" for color in colors_of(thing) for number in NUMBERS)
    return tuple(f"a {color} {thing}" for color in colors_of(thing))
