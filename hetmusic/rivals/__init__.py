"""Recommenders that hetmusic is compared with, each a short file, all behind one interface."""

from hetmusic.rivals.base import Fitted, Problem, Recommender, Report, recommenders
from hetmusic.rivals.popularity import Popularity

__all__ = ["Fitted", "Popularity", "Problem", "Recommender", "Report", "recommenders"]
