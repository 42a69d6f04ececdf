"""The words of the planted worlds: what each style's people call it, feel and sing about.

Entry ``s`` of every table belongs to style ``s``. Genres and emotion words are ones that kg_schema's
vocabularies know (a test checks it); the other tags and the lyrics words are plain English, so that real text
models see real words.
"""

from __future__ import annotations

#: three genres per style, the first the most usual
GENRES = (
    ("rock", "hard rock", "garage rock"),
    ("jazz", "swing", "bebop"),
    ("electronic", "techno", "house"),
    ("hip hop", "rap", "trap"),
    ("folk", "singer-songwriter", "country"),
    ("heavy metal", "thrash metal", "death metal"),
    ("ambient", "new age", "drone"),
    ("pop", "synthpop", "dance-pop"),
    ("classical", "opera", "baroque"),
    ("reggae", "dub", "ska"),
    ("soul", "funk", "disco"),
    ("blues", "delta blues", "rhythm and blues"),
    ("punk", "hardcore punk", "post-punk"),
    ("shoegaze", "dream pop", "indie rock"),
    ("trance", "drum and bass", "dubstep"),
    ("salsa", "bossa nova", "tango"),
)

#: words that are neither genre nor emotion, two per style
OTHER_TAGS = (
    ("loud guitars", "road trip"),
    ("saxophone", "late night"),
    ("synth", "club"),
    ("flow", "street"),
    ("acoustic guitar", "campfire"),
    ("double bass drum", "mosh pit"),
    ("soundscape", "reading"),
    ("catchy chorus", "radio"),
    ("strings", "concert hall"),
    ("island", "beach"),
    ("horn section", "roller skates"),
    ("slide guitar", "whiskey bar"),
    ("three chords", "basement"),
    ("reverb", "headphones"),
    ("bassline", "festival"),
    ("hand drums", "dance floor"),
)

#: tags that say nothing about the style
NOISE_TAGS = (
    "favourites",
    "seen live",
    "female vocals",
    "male vocals",
    "good song",
    "to check out",
    "2010s",
    "cover",
)

#: where a style sits on average: (valence, arousal), each in [-1, 1]
STYLE_EMOTION = (
    (0.3, 0.6),
    (0.4, -0.3),
    (0.1, 0.8),
    (-0.2, 0.4),
    (0.0, -0.5),
    (-0.7, 0.8),
    (0.3, -0.9),
    (0.8, 0.5),
    (0.2, -0.6),
    (0.7, -0.2),
    (0.8, 0.8),
    (-0.7, -0.3),
    (-0.5, 0.9),
    (-0.4, -0.6),
    (0.5, 0.9),
    (0.6, 0.2),
)

#: emotion words with (valence, arousal), about where the vocabulary has them; listeners choose near ones
EMOTIONS = {
    "happy": (0.8, 0.4),
    "cheerful": (0.8, 0.5),
    "excited": (0.6, 0.8),
    "energetic": (0.4, 0.8),
    "angry": (-0.6, 0.8),
    "aggressive": (-0.5, 0.8),
    "tense": (-0.5, 0.5),
    "sad": (-0.7, -0.4),
    "melancholy": (-0.4, -0.4),
    "depressing": (-0.8, -0.5),
    "gloomy": (-0.6, -0.4),
    "lonely": (-0.6, -0.4),
    "calm": (0.4, -0.8),
    "peaceful": (0.6, -0.7),
    "relaxing": (0.5, -0.7),
    "dreamy": (0.4, -0.4),
    "romantic": (0.6, -0.1),
    "nostalgic": (0.1, -0.3),
}

#: what a style sings about
THEMES = tuple(
    tuple(words.split())
    for words in (
        "road engine highway gasoline wheel speed leather thunder horizon mile desert border radio rusty",
        "midnight smoke velvet piano moonlight waltz cocktail hat taxi avenue lamp whisper satin trumpet",
        "machine signal neon circuit pulse laser robot voltage screen digital static wire frequency antenna",
        "hustle corner block money chain hood crew cash beat rhyme mic crown paper grind",
        "river valley harvest cabin meadow wagon willow lantern barn orchard creek mother letter field",
        "blood sword demon grave skull war iron flesh wrath tomb dragon corpse hammer hell",
        "silence mist ocean breath horizon snow cloud drift star infinite water glass dawn stillness",
        "baby kiss tonight lipstick party summer crush smile phone boyfriend mirror candy sparkle darling",
        "angel heaven altar garden spring chorus lord rose throne mercy nightingale shepherd glory fountain",
        "island sun lion ganja freedom zion coconut wave roots tribe palm sand babylon breeze",
        "groove boogie fever soul funky shake strut mirrorball hips saturday platform glitter brother rhythm",
        "train whiskey cotton mississippi preacher levee shackle trouble jailhouse dust sorrow mule bottle",
        "riot police system slogan boredom factory queen anarchy brick siren government spit scream suburb",
        "haze feather blur faded pale swirl petal ghost winter sleep lavender shimmer hollow tide",
        "euphoria rave sunrise energy skyline gravity orbit bass drop laser galaxy ignite rise universe",
        "corazon cadera luna guitarra tango noche fuego amor playa bailar pasion cielo rosa viento",
    )
)

#: what everybody sings
_COMMON = """
the and you me to a in my of it that on is your we all be so for know love oh yeah never like just time now
come go say let one feel heart way want back day night life down eyes take see away world home when will can
again
"""
COMMON = tuple(_COMMON.split())
