"""What the launcher says: progress on stderr, so that the output of a command it runs stays that command's own."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Refusal(Exception):
    """Something that the person at the terminal has to mend, said in one line; `code` is the exit code."""

    def __init__(self, sentence: str, *, code: int = 2) -> None:
        super().__init__(" ".join(sentence.split()))
        self.code = code


class Stop(KeyboardInterrupt):
    """Somebody asked the launcher to end."""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def step(title: str, *, talks: bool = False) -> Iterator[None]:
    """Say that a step is running once it takes over a second, again every 5 seconds, and then how long it took.

    A step that `talks` tells about its progress itself.
    """
    start = time.monotonic()
    done = threading.Event()

    def tell() -> None:
        if not done.wait(1):
            say(f"  {title}…")
        while not talks and not done.wait(5):
            say(f"  {title}… {time.monotonic() - start:.0f} s")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
    if time.monotonic() - start > 1:
        say(f"  {title}: {time.monotonic() - start:.1f} s")
