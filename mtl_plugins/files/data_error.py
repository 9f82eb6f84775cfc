class DataError(ValueError):
    """A data file or list is invalid. The message names the file, the problem and how to fix it.

    The only argument is the message, so that the error survives pickling from a `DataLoader` worker.
    """
