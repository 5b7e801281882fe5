"""The rules engine: facts of a request, predicates over them, and the decision. Pure, all of it."""
