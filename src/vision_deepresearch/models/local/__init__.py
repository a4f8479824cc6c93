"""Local models through transformers, token-exact: loading, caches, engine, client."""
