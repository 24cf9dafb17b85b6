"""Tables in, tables out: normalise, locate, find who is concerned, release, merge, estimate."""
