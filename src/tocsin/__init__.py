"""Tocsin: one report in, everyone concerned told exactly what they may see."""

__version__ = "0.1.0"
