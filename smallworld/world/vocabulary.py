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
        ("in the futuristic city", "in the city of tall towers"),
        ("the city", "the futuristic city"),
        ("a street lamp", "a high balcony"),
        ("street", "moving walkway"),
        ("behind a lamp post", "under a glass bench"),
        ("pavement",),
        ("a glass doorway", "a tram station"),
        ("house", "train"),
    ),
    "mountains": Place(
        ("in the mountains", "high in the mountains"),
        ("the mountains", "the high mountains"),
        ("a steep rock", "a rocky ledge"),
        ("rocky path", "mountain path"),
        ("behind a boulder", "under a stone arch"),
        ("stones",),
        ("a small cave", "a climber's hut"),
        ("tent", "house"),
    ),
    "desert": Place(
        ("in the desert", "among the desert dunes"),
        ("the desert", "the wide desert"),
        ("a tall cactus", "a great red rock"),
        ("sandy trail", "camel track"),
        ("behind a cactus", "under a flat red stone"),
        ("dry sand",),
        ("a narrow canyon", "a traveller's tent"),
        ("tent", "windmill"),
    ),
    "ocean": Place(
        ("by the ocean", "on the shore of the ocean"),
        ("the ocean", "the blue ocean"),
        ("an old ship's mast", "a tall sea rock"),
        ("long beach", "harbour wall"),
        ("under an upturned boat", "behind a heap of shells"),
        ("wet sand",),
        ("a boat house", "a sea cave"),
        ("boat", "lighthouse"),
    ),
    "forest": Place(
        ("in the forest", "deep in the forest"),
        ("the forest", "the green forest"),
        ("a tall pine", "an old oak"),
        ("forest trail", "mossy path"),
        ("under a fern", "inside a hollow log"),
        ("moss",),
        ("a hollow tree", "a hut of branches"),
        ("tent", "house"),
    ),
    "meadow": Place(
        ("in the meadow", "out in the meadow"),
        ("the meadow", "the flowery meadow"),
        ("a lone apple tree", "a high haystack"),
        ("grassy path", "clover path"),
        ("under the tall grass", "behind a clump of daisies"),
        ("clover",),
        ("a wooden shed", "a shepherd's hut"),
        ("windmill", "tent"),
    ),
    "village": Place(
        ("in the village", "in the little village"),
        ("the village", "the little village"),
        ("the bakery roof", "the sign of the inn"),
        ("village lane", "cobbled lane"),
        ("behind a barrel", "under a market stall"),
        ("cobbles",),
        ("the bakery", "the village hall"),
        ("house", "windmill"),
    ),
    "snow": Place(
        ("in the snowy valley", "down in the snowy valley"),
        ("the snowy valley", "the white, snowy valley"),
        ("a frosty fir tree", "a wall of ice"),
        ("snowy track", "frozen path"),
        ("behind a snowdrift", "under a frosty bush"),
        ("soft snow",),
        ("a house of ice", "a log cabin"),
        ("snowman", "tent"),
    ),
}

TIMES: dict[str, Time] = {
    "morning": Time(("at sunrise", "early in the morning", "at dawn"), ("the morning", "the early morning")),
    "noon": Time(("at noon", "in the middle of the day", "at midday"), ("the day", "the bright day")),
    "sunset": Time(("at sunset", "in the evening", "at dusk"), ("the evening", "the sunset")),
    "night": Time(("at night", "after dark", "under the stars"), ("the night", "the starry night")),
}

MOODS: tuple[str, ...] = ("happy", "calm", "brave", "curious", "sleepy")

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
ADJECTIVES: tuple[str, ...] = ("little", "young", "small")


def plural(thing: str) -> str:
    """Say several of a thing ("flying car" -> "flying cars", "snowman" -> "snowmen")."""
    return thing[:-3] + "men" if thing.endswith("man") else thing + "s"


def things_in(place: str) -> tuple[str, ...]:
    """Name the things that can be seen in a place: everything of the sky, and what stands on its ground."""
    return SKY_THINGS + PLACES[place].things


def colors_of(thing: str) -> tuple[str, ...]:
    """List the colours that a thing can have; most things can have any of ``COLORS``."""
    return THING_COLORS.get(thing, COLORS)
