"""Relation encoders that look at when and how often somebody listened."""

from listening_encoders.decay import Decay
from listening_encoders.edge_features import EdgeFeatures
from listening_encoders.sign_aware import SignAware

__all__ = ["Decay", "EdgeFeatures", "SignAware"]
