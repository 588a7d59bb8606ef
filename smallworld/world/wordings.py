"""How people name what can be seen: places, times of day, things, colours and numbers, in many wordings.

Captions are made of these phrases and prompts are read by them. A few wordings of places and times are kept
out of the captions that models learn from (``UNSEEN_PLACES``, ``UNSEEN_TIMES``): they show whether a model
reads words or only knows phrases by heart. All their words occur in other phrases.
"""

from __future__ import annotations

from smallworld.world.vocabulary import COLORS, THING_COLORS

# Names of a place; an article and adjectives come on top.
PLACE_NAMES: dict[str, tuple[str, ...]] = {
    "city": ("city", "futuristic city", "futuristic cityscape", "cityscape", "skyline",
             "city of tall towers", "big city", "city street", "town of tall towers", "city with towers",
             "tall towers"),
    "mountains": ("mountains", "high mountains", "mountain range", "mountain peaks", "rocky mountains",
                  "peaks", "mountain landscape", "rocky peaks", "mountain valley"),
    "desert": ("desert", "sandy desert", "wide desert", "dunes", "desert dunes", "dry desert with cacti",
               "sand dunes", "desert landscape", "desert with a cactus"),
    "ocean": ("ocean", "sea", "blue sea", "blue ocean", "waves", "open sea", "water", "wide ocean",
              "blue water"),
    "forest": ("forest", "woods", "green forest", "pine forest", "deep forest", "fir trees", "pine trees",
               "fir forest", "forest of fir trees"),
    "meadow": ("meadow", "flowery meadow", "green meadow", "field of flowers", "grassy field", "flowers",
               "meadow full of flowers", "flowery field", "meadow with flowers"),
    "village": ("village", "little village", "quiet village", "village with a church", "small village",
                "old village", "village street", "village with a little church"),
    "snow": ("snow", "snowy valley", "white valley", "snowy hills", "winter landscape", "snowy landscape",
             "snowy field", "snow-covered hills", "white winter landscape"),
}  # fmt: skip
UNSEEN_PLACES: dict[str, tuple[str, ...]] = {
    "city": ("futuristic skyline", "street of tall towers"),
    "mountains": ("range of high peaks", "high rocky landscape"),
    "desert": ("sandy dunes", "wide dry dunes"),
    "ocean": ("open water", "waves of the sea"),
    "forest": ("deep woods", "woods of fir trees"),
    "meadow": ("field of grass and flowers", "grassy meadow"),
    "village": ("little old village", "village with an old church"),
    "snow": ("white winter valley", "winter hills"),
}
PLURAL_PLACES = frozenset(
    ["tall towers", "mountains", "mountain peaks", "rocky mountains", "high mountains", "peaks",
     "rocky peaks", "dunes", "desert dunes", "sand dunes", "waves", "fir trees", "pine trees", "flowers",
     "snowy hills", "snow-covered hills", "woods", "sandy dunes", "wide dry dunes", "waves of the sea",
     "deep woods", "woods of fir trees", "winter hills"]
)  # fmt: skip
MASS_PLACES = frozenset(["snow", "water", "blue water", "open water"])

# Adjectives that a place can have at any time of day.
PLACE_ADJECTIVES: dict[str, tuple[str, ...]] = {
    "city": ("modern", "busy", "huge", "great", "grey", "crowded", "noisy", "shining"),
    "mountains": ("grey", "steep", "great", "tall", "rugged", "snow-capped", "wild", "stony"),
    "desert": ("hot", "yellow", "golden", "empty", "endless", "dusty", "dry", "orange"),
    "ocean": ("deep blue", "dark blue", "wide", "calm", "endless", "deep", "rough", "salty"),
    "forest": ("dark green", "dense", "deep green", "old", "wild", "thick", "shady", "mossy"),
    "meadow": ("green", "bright green", "wide", "lush", "fresh", "colourful", "soft", "blooming"),
    "village": ("pretty", "peaceful", "tiny", "lovely", "friendly", "sleepy", "old", "country"),
    "snow": ("white", "cold", "frosty", "icy", "deep", "frozen", "bright white", "soft"),
}
ANY_ADJECTIVES = ("beautiful", "quiet", "lonely", "distant", "lovely", "wonderful", "strange", "big")

TIME_PHRASES: dict[str, tuple[str, ...]] = {
    "morning": ("at sunrise", "in the morning", "early in the morning", "at dawn", "in the early morning",
                "in the pale morning light", "as the sun rises", "in the first light of the day",
                "early in the day", "when the sun rises", "at daybreak", "as the day begins",
                "when the day begins", "in the morning light", "while the sun is rising",
                "with the sun rising", "at the break of day", "on an early morning", "one morning",
                "this morning", "in the light of dawn", "just after sunrise", "at the start of the day",
                "in the early light"),
    "noon": ("at noon", "at midday", "in the middle of the day", "by day", "under a blue sky",
             "in bright sunshine", "on a sunny day", "in the daytime", "under the noon sun",
             "during the day", "when the sun is high", "around noon", "in broad daylight",
             "in full daylight", "in the sunshine", "at high noon", "under a bright blue sky",
             "on a bright day", "with the sun high in the sky", "around midday", "under the midday sun",
             "on a clear blue day", "at lunchtime", "by daylight"),
    "sunset": ("at sunset", "in the evening", "at dusk", "as the sun goes down", "in the evening light",
               "under an orange sky", "at twilight", "under a red evening sky", "when the sun sets",
               "as the sun sets", "while the sun sets", "when the sun goes down", "late in the day",
               "at the end of the day", "under a red sky", "with the sun setting", "in the setting sun",
               "one evening", "this evening", "in the red evening light", "as the sun sinks",
               "around sunset", "as the day ends", "in the last light of the day"),
    "night": ("at night", "after dark", "under the stars", "under the moon", "at midnight", "in the dark",
              "by moonlight", "under a starry sky", "in the moonlight", "in the middle of the night",
              "late at night", "when it is dark", "when the stars shine", "under the night sky",
              "in the night", "by night", "during the night", "in the light of the moon",
              "with the moon in the sky", "on a dark night", "on a starry night", "one night", "tonight",
              "while the moon shines"),
}  # fmt: skip
UNSEEN_TIMES: dict[str, tuple[str, ...]] = {
    "morning": ("just after dawn", "when dawn begins", "in the early light of the morning"),
    "noon": ("when the day is bright", "under the high sun", "in the middle of a sunny day"),
    "sunset": ("late in the evening light", "when the evening sun sinks", "in the last sun of the day"),
    "night": ("late in the night", "when the moon shines", "under the moon and the stars"),
}
TIME_NOUNS: dict[str, tuple[str, ...]] = {
    "morning": ("morning", "early morning", "dawn", "sunrise", "daybreak"),
    "noon": ("noon", "midday", "daytime", "daylight", "bright sunshine"),
    "sunset": ("sunset", "evening", "dusk", "twilight"),
    "night": ("night", "midnight", "moonlight", "starry night"),
}
TIME_ADJECTIVES: dict[str, tuple[str, ...]] = {
    "morning": ("early morning", "morning", "dawn", "sunrise"),
    "noon": ("sunny", "bright", "sunlit", "noon", "midday"),
    "sunset": ("evening", "sunset", "twilight"),
    "night": ("night", "dark", "moonlit", "starry", "night-time"),
}
SHADES = (
    "bright",
    "dark",
)  # they say a time of day ("a dark forest"), but not before a colour ("dark green")

THING_NAMES: dict[str, tuple[str, ...]] = {
    "balloon": ("balloon", "hot-air balloon", "hot air balloon"),
    "rocket": ("rocket", "space rocket", "rocket ship"),
    "bird": ("bird", "flying bird"),
    "flying car": ("flying car", "hover car"),
    "airship": ("airship", "zeppelin", "blimp"),
    "cloud": ("cloud",),
    "house": ("house", "cottage"),
    "train": ("train", "steam train", "locomotive"),
    "tent": ("tent", "camping tent"),
    "windmill": ("windmill",),
    "boat": ("boat", "sailing boat", "sailboat"),
    "lighthouse": ("lighthouse",),
    "snowman": ("snowman",),
}
# Numbers; "" is no word at all. What stands often in a list is said often.
NUMBERS: dict[int, tuple[str, ...]] = {
    1: ("a", "a", "a", "a", "one", "one", "a single", "the", "just one", "only one", "a lone", "1"),
    2: ("two", "two", "two", "two", "a pair of", "a couple of", "exactly two", "2"),
    3: ("three", "three", "three", "three", "a group of three", "a trio of", "exactly three", "3"),
}
SEVERAL: dict[int, tuple[str, ...]] = {
    2: ("several", "some", "a few", "", ""),
    3: ("several", "some", "a few", "", "", "many"),
}


def color_names() -> tuple[str, ...]:
    """Every colour that some thing can have."""
    return tuple(dict.fromkeys((*COLORS, *(color for listed in THING_COLORS.values() for color in listed))))
