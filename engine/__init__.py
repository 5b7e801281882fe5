"""Composition and edges: files, HTTP, the command line, and the exchange loop."""
