"""Start what Sway needs on one machine: embedded services, web server, worker and beat.

`python -m config.launcher demo | serve | services | run -- COMMAND`; docs/operations.md tells what each does and what
happens when a part of it is killed. Only the standard library is imported here, for settings import `addresses`.
"""
