"""Which questions are worth reinforcement: those that a policy solves now and then."""
