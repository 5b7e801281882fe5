"""What is proved and tested about a configuration, and of two; fixes that are proved to change no decision."""
