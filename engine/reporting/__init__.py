"""What `test-config` says: findings chosen, suppressed, known before, and printed in every form."""
