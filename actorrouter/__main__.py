"""`python -m actorrouter`: the command line."""

import sys

from actorrouter.cli import main

if __name__ == "__main__":
    sys.exit(main())
