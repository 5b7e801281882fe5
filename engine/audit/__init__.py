"""The audit log: entries chained by hashes, the files, and the thread that writes them."""
