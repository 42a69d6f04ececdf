"""Searching settings, comparing models and taking models apart, resumably."""
