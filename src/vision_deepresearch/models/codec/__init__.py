"""Conversations become tokens: only our template and the policy itself place control ids."""
