import faulthandler
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from .run_jobs import WorkerKilledError, process_context

Result = TypeVar("Result")


def run_in_child(function: Callable[..., Result], *arguments: Any, timeout: float = 60.0) -> Result:
    """Call a function in a process of its own, because a library that it uses crashes for damaged files.

    Args:
        function: A module-level function.
        arguments: Its arguments.
        timeout: Seconds after which the process is killed.

    Raises:
        WorkerKilledError: The process crashed or took too long.
        ValueError: The function raised an error; the message is that of the error.
    """
    context: Any = process_context()
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            raise WorkerKilledError(f"the process took more than {timeout:g} s")
        success, value = receiver.recv()
    except EOFError:
        process.join()
        raise WorkerKilledError(f"the process crashed (exit status {process.exitcode})") from None
    finally:
        process.kill()
        process.join()
        receiver.close()
    if not success:
        raise ValueError(value)
    return value


def _send(sender: Connection, function: Callable[..., Any], arguments: tuple) -> None:
    faulthandler.disable()
    try:
        result = (True, function(*arguments))
    except Exception as error:
        result = (False, str(error) or type(error).__name__)
    sender.send(result)
