"""What `ccr doctor` checks, and what to do about it."""
