"""The one policy for calls to the outside: deadlines, retries, budgets, concurrency."""
