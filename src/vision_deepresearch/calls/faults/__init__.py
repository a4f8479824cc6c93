"""Faults on purpose: a virtual clock, seeded misbehaviour of providers, a proxy that spoils sockets."""
