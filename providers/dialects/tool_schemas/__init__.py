"""JSON Schemas of tools as each kind of target takes them."""
