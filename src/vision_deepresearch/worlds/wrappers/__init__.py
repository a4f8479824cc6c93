"""Worlds around worlds: record and replay, count and limit."""
