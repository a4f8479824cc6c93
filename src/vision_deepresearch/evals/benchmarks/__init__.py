"""Benchmarks as tasks: one file per source, read from what the user has downloaded."""
