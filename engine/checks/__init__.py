"""Checks across a whole configuration, one file for each kind; `engine/check.py` runs them all."""
