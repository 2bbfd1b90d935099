"""What can go wrong in the engine."""


class EngineError(Exception):
    """Base of everything that the engine raises on purpose."""


class InputError(EngineError, ValueError):
    """A table or a parameter isn't what the engine needs; the message says what to change."""


class ConvergenceError(EngineError, ArithmeticError):
    """An iteration used up its steps before its residual was small enough."""
