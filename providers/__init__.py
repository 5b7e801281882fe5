"""Upstreams: their specifications, dialects, pools and health. Pure but for the listed edges."""
