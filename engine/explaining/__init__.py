"""A decision as one object: what each rule saw, what would change it, and what of that is shown."""
