class DataError(ValueError):
    """A data file or list is not what it should be; the message says what, where and how to mend it.

    It takes that one message alone, so that a DataLoader can raise it again out of a worker.
    """
