"""Signals that ask a run to end, as an exception."""

import signal
import threading

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Stopped(KeyboardInterrupt):
    """A signal asked this process to end; `number` says which.

    Of a kind that asyncio hands on from wherever it strikes; on its way up the kernel is shut down.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = int(number)


def stop_on_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise Stopped in the main thread."""

    def stop(number: int, _frame: object) -> None:
        raise Stopped(number)

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, stop)
