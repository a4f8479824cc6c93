"""What runs inside the sandbox: the standard library and nothing of the project."""
