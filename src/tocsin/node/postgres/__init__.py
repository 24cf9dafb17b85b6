"""PostgreSQL as Django speaks it, and no text that it would not take."""
