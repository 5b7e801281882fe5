"""`expr`: Python-syntax conditions, checked and lowered to the same predicates as all others."""
