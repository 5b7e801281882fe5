"""Text to positioned document to diagnostics, and the shapes of what goes in: pure, imported by all, importing none."""
