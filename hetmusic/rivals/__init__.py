"""Recommenders that hetmusic is compared with, each a short file, all behind one interface."""

from hetmusic.rivals.base import Fitted, Problem, Recommender, Report, recommenders
from hetmusic.rivals.bpr import BPR
from hetmusic.rivals.content_knn import ContentKNN
from hetmusic.rivals.ease import EASE
from hetmusic.rivals.ials import IALS
from hetmusic.rivals.item_knn import ItemKNN
from hetmusic.rivals.lattice import LATTICE
from hetmusic.rivals.lightgcn import LightGCN
from hetmusic.rivals.mhcn import MHCN
from hetmusic.rivals.mmgcn import MMGCN
from hetmusic.rivals.ngcf import NGCF
from hetmusic.rivals.popularity import Popularity
from hetmusic.rivals.rp3beta import RP3beta
from hetmusic.rivals.vbpr import VBPR

__all__ = [
    "BPR",
    "EASE",
    "IALS",
    "LATTICE",
    "MHCN",
    "MMGCN",
    "NGCF",
    "VBPR",
    "ContentKNN",
    "Fitted",
    "ItemKNN",
    "LightGCN",
    "Popularity",
    "Problem",
    "RP3beta",
    "Recommender",
    "Report",
    "recommenders",
]
