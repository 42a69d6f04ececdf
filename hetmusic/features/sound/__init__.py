"""Sound files of any common format as mono float32 at 16 kHz, block by block, whatever is wrong with them."""

from hetmusic.features.sound.reading import read_sound, sound_blocks
from hetmusic.features.sound.source import LONGEST_SECONDS, SAMPLE_RATE

__all__ = ["LONGEST_SECONDS", "SAMPLE_RATE", "read_sound", "sound_blocks"]
