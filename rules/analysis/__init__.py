"""What a rule set does for all requests, proved: see README.md beside this file."""
