"""What never gets into a log."""

import logging
import re

# Django names the path of each request that it refuses. Handles are personal data, and a log keeps those of whoever is
# hidden, or erased since; an invitation's link, to a campaign or to a brand's team, and those by which a password or an
# e-mail address is set are as good as a password. All that follows is left out, for handles hold slashes and spaces.
_PRIVATE = re.compile(r"(/(?:p|why|reactions|i|join|password/reset/key|confirm-email)/).+", re.DOTALL | re.IGNORECASE)


class WithoutSecrets(logging.Filter):
    """Replace handles and the tokens of links, which addresses end with, in a record's text and arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _without(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_without(value) for value in record.args)
        return True


def _without(value: object) -> object:
    return _PRIVATE.sub(r"\1…", value) if isinstance(value, str) else value
