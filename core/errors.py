"""Every error that Trivium raises on purpose, as one tree.

TriviumError                 something a person can mend; the message says how
├── SettingsError            a setting is missing, malformed or unsafe
├── DomainError              a domain pack is wrong; names file and line
├── DocumentError            one document cannot be read; the others go on
├── DiskFull                 there is no room for what is to be kept; nothing is kept by halves
├── ModelError               a model cannot be loaded or did not answer
│   ├── ModelNotFound        no model or adapter of that name
│   ├── AdapterMismatch      an adapter was trained for another base, or its files changed
│   └── Truncated            a structured answer reached its token limit before it was whole
├── QueryError               the query cannot be taken as it is (empty, too long, unknown strategy)
├── NotFound                 no answer, job, document … of that id
├── ReviewTaken              another review was stored under this id
├── Busy                     the queue is full; try again after `retry_after` seconds
├── RegistryError            the registry does not do this: a refused adapter, no former one, files that changed
└── DataFolderInUse          another process owns the data folder
"""


class TriviumError(Exception):
    """Something a person can mend. `str(error)` says what is wrong and what to do next."""

    status = 500
    title = "Trivium could not do this"


class SettingsError(TriviumError):
    title = "A setting is wrong"


class DomainError(TriviumError):
    title = "The domain pack is wrong"


class DocumentError(TriviumError):
    status = 422
    title = "The document cannot be read"


class DiskFull(TriviumError):
    status = 507
    title = "The disk is full"


class ModelError(TriviumError):
    status = 503
    title = "The model did not answer"


class ModelNotFound(ModelError):
    status = 404
    title = "No such model"


class AdapterMismatch(ModelError):
    status = 409
    title = "The adapter does not fit the base model"


class Truncated(ModelError):
    title = "The structured answer was cut off"


class QueryError(TriviumError):
    status = 422
    title = "The query cannot be taken"


class NotFound(TriviumError):
    status = 404
    title = "Not found"


class ReviewTaken(TriviumError):
    status = 409
    title = "Another review has this id"


class Busy(TriviumError):
    """The queue is full. `retry_after` is in seconds."""

    status = 429
    title = "Busy"

    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RegistryError(TriviumError):
    status = 409
    title = "The registry does not do this"


class DataFolderInUse(TriviumError):
    status = 409
    title = "The data folder is in use"
