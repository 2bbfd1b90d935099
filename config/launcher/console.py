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
def step(title: str, *, beat: float = 5.0) -> Iterator[None]:
    """Say that a step is running once it takes over a second, again every `beat` seconds, and then how long it took."""
    start = time.monotonic()
    done = threading.Event()

    def tell() -> None:
        pause = 1.0
        while not done.wait(pause):
            say(f"  {title}… {time.monotonic() - start:.0f} s")
            pause = beat

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
    if time.monotonic() - start > 1:
        say(f"  {title}: {time.monotonic() - start:.1f} s")
