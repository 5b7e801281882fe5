"""Who may come in, and what a router key may be used for."""
