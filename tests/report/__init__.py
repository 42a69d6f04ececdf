"""Tests of hetmusic.report."""
