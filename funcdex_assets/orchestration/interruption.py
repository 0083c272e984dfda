"""Ends a run cleanly when its user presses Ctrl-C, or when the process is told to terminate.

The work runs in a thread of its own, while the main thread waits for it and for signals, of which it reads the numbers
from a socket: the system may deliver one to any thread, and a main thread that waits otherwise would not notice. By
itself, Dagster raises an exception wherever the program happens to be, which libraries and event loops may swallow;
here the work asks at its checkpoints (`check_interruption`: before each partition of a stage, after each conversation,
while it waits for a lock), and what waits for answers is cancelled. A second signal ends the process at once;
inference servers that it started notice that (`inference/server_watch`).

    outcome, signal_number = run_interruptibly(lambda: run_partitions(...), report_request=print_note)
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

Result = TypeVar("Result")

_DONE = b"\0"
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interruption:
    """The wish that work ends: `number` is the signal by which it was expressed, None as long as it was not."""

    def __init__(self) -> None:
        self.number: int | None = None
        self._preparations: list[Callable[[], object]] = []
        self._reactions: list[Callable[[], object]] = []
        self._lock = threading.RLock()

    def request(self, number: int) -> None:
        """Expresses the wish: preparations come first, and are over before any checkpoint can notice it."""
        with self._lock:
            for prepare in list(self._preparations):
                prepare()
            self.number = number
            reactions = list(self._reactions)
        for react in reactions:
            react()

    def preparing(self, prepare: Callable[[], object]) -> AbstractContextManager[None]:
        """Calls `prepare` before the wish is expressed, if that is within the context; at once if it was before."""
        return self._calling(self._preparations, prepare)

    def reacting(self, react: Callable[[], object]) -> AbstractContextManager[None]:
        """Calls `react` when the wish is expressed within the context, in another thread; at once if it was before."""
        return self._calling(self._reactions, react)

    @contextmanager
    def _calling(self, calls: list[Callable[[], object]], call: Callable[[], object]) -> Iterator[None]:
        with self._lock:
            calls.append(call)
            requested = self.number is not None
        try:
            if requested:
                call()
            yield
        finally:
            with self._lock:
                calls.remove(call)


_current: ContextVar[Interruption] = ContextVar("funcdex_interruption")
_NEVER = Interruption()


def current_interruption() -> Interruption:
    """The wish that concerns this thread or task; one that is never expressed if nobody listens to signals."""
    return _current.get(_NEVER)


def check_interruption() -> None:
    """
    Raises:
        DagsterExecutionInterruptedError: the work shall end.
    """
    if current_interruption().number is not None:
        import dagster as dg

        raise dg.DagsterExecutionInterruptedError


def pause_work(seconds: float) -> None:
    """Waits, but not beyond the wish that work ends.

    Raises:
        DagsterExecutionInterruptedError: the work shall end.
    """
    requested = threading.Event()
    with current_interruption().reacting(requested.set):
        requested.wait(seconds)
    check_interruption()


def run_interruptibly(
    work: Callable[[], Result], report_request: Callable[[int], None]
) -> tuple[Result | None, int | None]:
    """Does the work in a thread; returns its result and the signal that ended it, if one did.

    `report_request` is called with the first signal. In a thread that is not the main one no signal can be heard, and
    the work is done at once. The result is None if the work was ended by the signal before it returned anything.

    Raises:
        Exception: what the work raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return work(), None
    interruption = Interruption()
    results: list[Result] = []
    errors: list[BaseException] = []
    reader, writer = socket.socketpair()

    def work_and_report() -> None:
        _current.set(interruption)
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            writer.send(_DONE)

    thread = threading.Thread(target=copy_context().run, args=(work_and_report,), name="funcdex work", daemon=True)
    with reader, writer, _write_signals_to(writer):
        thread.start()
        while (message := reader.recv(1)) != _DONE:
            number = message[0]
            if number not in SIGNALS:
                continue
            if interruption.number is not None:
                os._exit(128 + number)
            report_request(number)
            interruption.request(number)
        thread.join()
    if errors and not _is_interruption(errors[0]):
        raise errors[0]
    return (results[0] if results else None), interruption.number


def _is_interruption(error: BaseException) -> bool:
    import dagster as dg

    return isinstance(error, dg.DagsterExecutionInterruptedError)


@contextmanager
def _write_signals_to(writer: socket.socket) -> Iterator[None]:
    """Has the number of each signal written to the socket as a byte, and nothing else done about it.

    What whoever started the process has it ignore stays ignored: SIGHUP under `nohup`, SIGINT in a script's background.
    """
    writer.setblocking(False)
    wakeup_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: None) for number in heard}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, signal.SIG_DFL if previous is None else previous)
        signal.set_wakeup_fd(wakeup_before)
