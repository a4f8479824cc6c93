"""Guarded fetching: the only code that opens connections to the open web."""
