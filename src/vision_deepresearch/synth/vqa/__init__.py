"""Fuzzy multi-hop questions about pictures, each stage a file."""
