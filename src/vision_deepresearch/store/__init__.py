"""Run folders: the run store, the tape, provenance and the cost ledger."""
