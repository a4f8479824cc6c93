"""Config to objects: the one place that knows every implementation."""
