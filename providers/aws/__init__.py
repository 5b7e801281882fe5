"""What Amazon Web Services want of a client: signed requests, and logins that other programs keep."""
