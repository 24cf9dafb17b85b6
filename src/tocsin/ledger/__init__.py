"""The tamper-evident log: append, prove, verify."""
