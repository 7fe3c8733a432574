"""The store: everything that the service reads from and writes to its database."""

from sqlalchemy import Engine

from service.db.dispatch import Dispatch
from service.db.events import Events
from service.db.platforms import Platforms
from service.db.session import Database
from service.db.studies import Studies
from service.db.tokens import Tokens
from service.db.totals import totals
from service.db.trials import Trials
from service.db.webhooks import Webhooks
from service.domain.records import Totals


class Store:
    """A database, in seven parts. Safe to share between threads; every method is one transaction of its own.

    Every method raises DatabaseUnavailableError when the database fails. Records that come out are values:
    they do not change and hold no connection.

    Attributes:
        studies: What users do with studies.
        trials: Trials and epochs, to read.
        events: What happened, to read.
        dispatch: The dispatcher's lease and the life of trials.
        platforms: Latency tables.
        tokens: Who may use the service.
        webhooks: Messages that are due.

    Args:
        engine: The database.
        notifies: Whether a message is queued whenever a study has completed or failed.
    """

    def __init__(self, engine: Engine, *, notifies: bool = False) -> None:
        database = self._database = Database(engine)
        self.studies = Studies(database)
        self.trials = Trials(database)
        self.events = Events(database)
        self.dispatch = Dispatch(database, notifies=notifies)
        self.platforms = Platforms(database)
        self.tokens = Tokens(database)
        self.webhooks = Webhooks(database)

    def totals(self) -> Totals:
        """Counts over the whole database, for monitoring."""
        return totals(self._database)
