"""Modalities of nodes: imported vectors and light extractors that need no pre-trained weights."""
