"""Covers as vectors of networks that were trained to classify pictures."""
