"""Patterns in linear time: the subset of regular expressions, automata, and places in a text."""
