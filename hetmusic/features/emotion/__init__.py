"""Valence and arousal of songs, from what is known about them."""
