"""Run a command that the kernel ends when its parent dies, however it dies.

As a script it replaces itself by the command, so that no code runs between fork and exec in the launcher:

    python tied.py SIGNAL PARENT_PID COMMAND...

The tie survives exec but is not inherited by the command's own children: `web.py` and `pool.py` tie those of gunicorn
and Celery. It must be set after a change of user, which clears it, so this stands behind `unshare` and `setpriv`.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with(parent: int, number: int) -> None:
    """Ask the kernel to send signal `number` when process `parent` ends; exit at once if it has ended already."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def tied(command: list[str], *, ending: signal.Signals) -> list[str]:
    """Return the command that runs `command` tied to this process, which is sent `ending` when this one dies."""
    script = os.path.abspath(__file__)
    # Without site packages and environment: this start costs 10 ms and can't be led astray by PYTHONPATH.
    return [sys.executable, "-I", "-S", script, str(int(ending)), str(os.getpid()), *command]


if __name__ == "__main__":
    die_with(int(sys.argv[2]), int(sys.argv[1]))
    try:
        os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606  # the command comes from the launcher, not from a shell
    except OSError as error:
        print(f"sway: {sys.argv[3]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)
