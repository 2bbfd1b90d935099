"""`python -m config.launcher demo | serve | services | run -- COMMAND`."""

import argparse
import os
import signal
import sys

from config.launcher.addresses import data_folder
from config.launcher.commands import run, services_only, site
from config.launcher.console import Refusal, Stop
from config.launcher.service import BASE_DIR
from config.launcher.tied import die_with


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m config.launcher", description=__doc__)
    parser.add_argument(
        "--tied-to", type=int, metavar="PID", help="end when the parent process, which is PID, ends (used by make)"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="services, a sample world, web server, worker and beat")
    commands.add_parser("serve", help="the same without the sample world")
    commands.add_parser("services", help="the embedded services alone, until ctrl-C")
    running = commands.add_parser("run", help="run one command with the services")
    running.add_argument(
        "--for-tests", action="store_true", help="with a broker and cache of their own, one test run at a time"
    )
    running.add_argument("argv", nargs="+", metavar="COMMAND")
    chosen = parser.parse_args(arguments)
    data_dir = data_folder(BASE_DIR)
    try:
        if chosen.tied_to is not None:
            die_with(chosen.tied_to, signal.SIGTERM)
        if chosen.command == "run":
            return run(data_dir, chosen.argv, for_tests=chosen.for_tests)
        if chosen.command == "services":
            return services_only(data_dir)
        return site(data_dir, sample=chosen.command == "demo")
    except Refusal as refusal:
        print(f"sway: {refusal}", file=sys.stderr, flush=True)
        return refusal.code
    except Stop:
        return 0
    except OSError as error:
        # A full or read-only disk, a file of another user, a folder that can't lock: nothing to mend in the code.
        if error.filename is None or os.environ.get("DEBUG"):
            raise
        print(f"sway: {error.filename}: {error.strerror}", file=sys.stderr, flush=True)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
