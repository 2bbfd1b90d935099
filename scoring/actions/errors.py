"""What a run can be refused for."""


class ScoringError(Exception):
    """A run or a data set was refused; the message is one line, says what to change, and names no person."""


class RunInProgress(ScoringError):
    """Another run holds the lock."""


class LogFaulty(ScoringError):
    """Files of the activity log aren't what was written."""
