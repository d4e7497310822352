"""Planning: does this fleet carry that workload, how much would it carry, what binds, what would it take.

`targets` says what is wanted, `fleet` and `load` change what is rehearsed, `play` rehearses it, `plan` looks for the
edge; `baselines` and `naive` are simpler key pickers in the router's place; `telling` and `plot` show it all.
"""
