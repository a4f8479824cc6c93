"""Shapes, figures, looks, mounts and settings: what pictures of a generated world are made of."""
