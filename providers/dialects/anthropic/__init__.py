"""Anthropic's own Messages API, passed through."""
