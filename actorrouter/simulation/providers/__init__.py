"""Simulated providers: the judge of the router. They enforce their own limits with their own books.

`config` describes them (`limit_config`, `fault_config`). `provider` decides, purely, with `limits` and their meters
(`meters`, `ramps`, `calendars`), `money`, `faults`, `storms`, `squeezes` and `books`, and words it with `refusals`,
`headers` and `dialects`; `audit` recomputes the verdicts from the log alone.
`server` puts them on loopback HTTP: `wire`, `bodies`, `endpoints`, `answers`.
"""
