"""People: who signs in, for which party, with which mandate."""
