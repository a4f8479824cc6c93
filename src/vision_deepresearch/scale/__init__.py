"""Adapters to cluster frameworks, each an optional extra."""
