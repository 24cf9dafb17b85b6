"""Reports in, the concerned told, each case followed to its remedy."""
