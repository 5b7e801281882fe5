"""Exchanges saved as files, sent again without a server, and how answers differ."""
