"""Thin commands: parse arguments, call wiring, print."""
