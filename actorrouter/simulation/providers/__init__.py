"""Simulated providers: the judge of the router. They enforce their own limits with their own books.

`config` describes them. `provider` decides, purely, with `meters`, `limits`, `faults` and `books`; `audit` recomputes
the verdicts from the log alone. `server` puts them on loopback HTTP: `wire`, `bodies`, `endpoints`, `answers`.
"""
