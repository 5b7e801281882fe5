"""The log: its files, a line for each exchange, and the secrets taken out."""
