"""`python -m actorrouter.demo`."""

import sys

from actorrouter.demo import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before there was anything to stop
        sys.exit(130)
