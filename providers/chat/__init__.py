"""Clients that speak the Chat Completions API: their requests as Messages requests, and parts as what they read."""
