"""Rehearsal: the production code in virtual time, against simulated providers that are meaner than real ones."""
