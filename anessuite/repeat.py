"""Something done again and again in a thread while other work goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context


@contextmanager
def repeated(act: Callable[[], None], *, every: Callable[[float], float]) -> Iterator[None]:
    """Call ``act`` while the block runs; ``every`` says, from the seconds since it began, how many to wait.

    The thread has the context variables of its caller, so that it knows which run it belongs to.
    """
    stop, begun = threading.Event(), time.monotonic()

    def loop() -> None:
        while not stop.wait(every(time.monotonic() - begun)):
            act()

    thread = threading.Thread(target=copy_context().run, args=(loop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
