"""Start several processes, for `dist_train.sh` and `dist_test.sh`: torchrun, with one line about how they ended.

The exit code is that of the rank that ended first, or 128 + the number of the signal that ended it or this process.
"""

import os
import signal
import sys
from typing import NoReturn


def main() -> None:
    """Run torchrun with the options of this process."""
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGINT"):  # until torchrun has started the processes and handles them
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) != signal.SIG_IGN:
            signal.signal(getattr(signal, name), _stop)
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    def forward(number: int, frame: object) -> NoReturn:
        raise SignalException(f"{signal.Signals(number).name} received", signal.Signals(number))

    if hasattr(signal, "SIGUSR1"):  # Slurm's warning; torchrun would end without its processes
        signal.signal(signal.SIGUSR1, forward)
    try:
        run.main()
    except SignalException as error:
        _end(128 + error.sigval, f"{error.sigval.name} received: all processes have ended.")
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        code = failure.exitcode if failure.exitcode >= 0 else 128 - failure.exitcode
        reason = f" ({failure.signal_name()})" if failure.exitcode < 0 else ""
        _end(code, f"rank {rank} (process {failure.pid}) ended with exit code {code}{reason}; see the lines above.")


def _stop(number: int, frame: object) -> NoReturn:
    name = signal.Signals(number).name
    os.write(2, b"\ninterrupted\n" if name == "SIGINT" else f"{name} received: stopped\n".encode())
    os._exit(128 + number)


def _end(code: int, message: str) -> NoReturn:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
