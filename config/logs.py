"""What never gets into a log."""

import logging
import re

# An invitation's link, to a campaign or to a brand's team, is as good as a password; Django names the path of each
# request that it refuses.
_SECRET = re.compile(r"(/(?:i|join)/)[^/\s'\"]+")


class WithoutSecrets(logging.Filter):
    """Replace the tokens of invitation links in a record's text and arguments."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = _without(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_without(value) for value in record.args)
        return True


def _without(value: object) -> object:
    return _SECRET.sub(r"\1…", value) if isinstance(value, str) else value
