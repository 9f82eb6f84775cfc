"""A stopwatch for methods of existing objects."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence


class Stopwatch:
    """Adds up the seconds that methods take while they are watched.

    Args:
        synchronize: Called after each method, to wait for an asynchronous device.

    Attributes:
        seconds: Seconds by name.
    """

    def __init__(self, synchronize: Callable[[], object] = lambda: None) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.synchronize = synchronize

    def wrap(self, name: str, function: Callable) -> Callable:
        """A function that calls `function` and adds its time to `seconds[name]`."""

        def timed(*args: object, **kwargs: object) -> object:
            start = time.perf_counter()
            result = function(*args, **kwargs)
            self.synchronize()
            self.seconds[name] += time.perf_counter() - start
            return result

        return timed

    @contextlib.contextmanager
    def watching(self, methods: Sequence[tuple[str, object, str]]) -> Iterator["Stopwatch"]:
        """Time methods within the context.

        Args:
            methods: Tuples (name, owner, attribute): calls of `owner.attribute` count towards `name`.
        """
        with contextlib.ExitStack() as stack:
            for name, owner, attribute in methods:
                stack.enter_context(_replaced(owner, attribute, self.wrap(name, getattr(owner, attribute))))
            yield self


@contextlib.contextmanager
def _replaced(owner: object, attribute: str, value: object) -> Iterator[None]:
    """Set an attribute of an object (not of its class) within the context."""
    before = vars(owner).get(attribute)
    setattr(owner, attribute, value)
    try:
        yield
    finally:
        if before is None:
            delattr(owner, attribute)
        else:
            setattr(owner, attribute, before)
