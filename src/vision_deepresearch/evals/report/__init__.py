"""Runs as tables for terminal, Markdown and LaTeX, and as one HTML page with plots."""
