"""The seven laws of DESIGN, watched from the stream of events by models that share no code with the actors.

One file a law: `promise` 1, `leaks` 2, `lost` 3, `needless` 4, `load` 5, `explained` 6, `secrets` 7. `bookings` and
`meters` are the models, as naive as they can be; `book` reads the events and keeps what was found.
"""

from actorrouter.observe.laws.book import LawBook
from actorrouter.observe.laws.found import Violation
from actorrouter.observe.laws.secrets import SecretScan

__all__ = ["LawBook", "SecretScan", "Violation"]
