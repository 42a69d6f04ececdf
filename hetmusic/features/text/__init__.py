"""Vectors of lyrics from language models, and of bags of words."""
