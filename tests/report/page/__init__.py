"""Tests of hetmusic.report.page."""
