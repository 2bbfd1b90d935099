"""What commands show while they work, on a terminal and elsewhere."""

import io

import pytest

from accounts.management.progress import PAUSE, Bars, Steps


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("accounts.management.progress.time.monotonic", lambda: now[0])
    return now


def test_a_long_stage_is_told_every_ten_seconds_and_at_its_end(clock: list[float]) -> None:
    told = io.StringIO()
    bars = Bars({"reading": "bytes", "log": "days"}, told)
    for second in range(25):
        clock[0] = 100.0 + second
        bars.show("reading", second * 10, 240, second * 1000)
    bars.show("log", 0, 0, 0)
    bars.show("log", 2, 4, 6)
    bars.close()
    bars.close()
    assert told.getvalue() == (
        "reading: 42% of 240 bytes, 10,000 rows, 1,000/s, 10.0 s\n"
        "reading: 83% of 240 bytes, 20,000 rows, 1,000/s, 20.0 s\n"
        "reading: 100% of 240 bytes, 24,000 rows, 1,000/s, 24.0 s\n"
        "log: 50% of 4 days, 6 rows, 6,000/s, 0.0 s\n"
    )


def test_a_terminal_gets_a_bar() -> None:
    told = Terminal()
    bars = Bars({"log": "days"}, told)
    bars.show("log", 0, 2, 0)
    bars.show("log", 2, 2, 30)
    bars.close()
    assert "\rlog: 100%" in told.getvalue()
    assert "2/2" in told.getvalue()


@pytest.mark.parametrize(("stream", "pause"), [(io.StringIO, PAUSE), (Terminal, 1.0)])
def test_steps_that_go_on_are_told_now_and_then(clock: list[float], stream: type[io.StringIO], pause: float) -> None:
    told = stream()
    steps = Steps(told)
    steps("reading: 1 rows")
    clock[0] += pause - 0.1
    steps("reading: 2 rows")
    clock[0] += 0.1
    steps("reading: 3 rows")
    steps("scoring")
    assert told.getvalue() == (
        f"    0.0 s  reading: 1 rows\n{pause:7.1f} s  reading: 3 rows\n{pause:7.1f} s  scoring\n"
    )
