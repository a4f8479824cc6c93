"""The sentences in which pages state facts, one table for each group of types."""
