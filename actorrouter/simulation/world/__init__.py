"""One rehearsal: a scenario played in virtual time, on a heap (`fast`) or on trio with real HTTP (`full`)."""
