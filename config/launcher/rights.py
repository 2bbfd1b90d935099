"""Run PostgreSQL, which refuses root, when the launcher was started by root."""

# ruff: noqa: S603 (commands are lists of this package's own making; no shell reads them)

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from config.launcher.console import Refusal
from config.launcher.tied import tied

# The number that Linux gives to nobody, and to users unknown in a user namespace.
NOBODY = 65534


@dataclass(frozen=True)
class Rights:
    """What to write before a command, and to whom its files belong (None: to us)."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None

    def tied(self, command: list[str], *, ending: signal.Signals) -> list[str]:
        """Return the command with these rights and tied to this process. A change of user would undo an outer tie."""
        return [*self.prefix, *tied(command, ending=ending)]

    def give(self, folder: Path) -> None:
        """Hand a folder with all in it to the owner, if root has it."""
        if self.owner is None or folder.stat().st_uid == self.owner:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.owner, -1, follow_symlinks=False)


def rights_for(data: Path, program: Path) -> Rights:
    """Find a way to run `program` on the folder `data` without being root.

    An ordinary user needs none. For root it is, whichever works first:

    1. the user that the data (or the folder that they will be in) belong to, if that isn't root;
    2. a user namespace in which root's own files look like nobody's: nothing changes its owner;
    3. the user nobody, where namespaces are forbidden, as in most containers; the data are given to nobody.

    1 and 3 keep the one capability to pass folders such as /root, in which the program or the data may lie.

    Raises
    ------
    Refusal
        If none works.
    """
    if os.geteuid() != 0:
        return Rights()
    present = next(path for path in (data, *data.parents) if path.exists())
    owner, group = present.stat().st_uid, present.stat().st_gid
    if owner == 0:
        namespace = Rights(("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--"))
        if _works(namespace, present, program):
            return namespace
        owner = group = NOBODY
    other = Rights(
        (
            "setpriv",
            f"--reuid={owner}",
            f"--regid={group}",
            "--clear-groups",
            "--inh-caps=+dac_override",
            "--ambient-caps=+dac_override",
            # Without it access(2), which PostgreSQL asks before it runs its own parts, leaves the capability out.
            "--securebits=+no_setuid_fixup",
            "--",
        ),
        owner=owner,
    )
    if _works(other, present, program):
        return other
    raise Refusal(
        "PostgreSQL does not run as root, and neither unshare --user nor setpriv works on this machine: "
        "start as an ordinary user, or set DATABASE_URL"
    )


def _works(rights: Rights, folder: Path, program: Path) -> bool:
    """Try whether the folder can be entered, and the program be run, with these rights."""
    probe = "import os, sys; os.chdir(sys.argv[1]); sys.exit(not os.access(sys.argv[2], os.R_OK | os.X_OK))"
    command = [*rights.prefix, sys.executable, "-I", "-S", "-c", probe, str(folder), str(program)]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except FileNotFoundError:
        return False
