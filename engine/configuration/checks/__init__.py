"""Checks across a whole configuration, one file for each kind; `engine/configuration/check.py` runs them all."""
