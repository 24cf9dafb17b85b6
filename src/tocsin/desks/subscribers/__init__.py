"""The provider's desk: whose line it was, what warning they got, whether it is clean."""
