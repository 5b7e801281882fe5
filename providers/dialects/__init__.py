"""One module per upstream API: requests out, replies in."""
