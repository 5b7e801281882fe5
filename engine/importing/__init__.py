"""Configurations of other routers as configurations of this one: read to a draft, then written as commented YAML. Pure."""
