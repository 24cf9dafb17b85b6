"""The commands of `tocsin`, one file per noun."""
