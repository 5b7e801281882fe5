"""What the tests of a configuration reach, suites that the solver makes, and whether tests notice changes."""
