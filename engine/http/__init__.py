"""Connections of clients: what comes in within limits, how an answer goes out, and the headers of our own."""
