"""Local models through transformers, token-exact; arrives with the training work."""
