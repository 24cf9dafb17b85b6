"""Sealed parcels: only the recipient can open what it was sent."""
