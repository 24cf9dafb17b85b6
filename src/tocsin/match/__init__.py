"""Likeness and private look-up: hashes, names, blinded sets."""
