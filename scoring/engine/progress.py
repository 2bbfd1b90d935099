"""How whoever asked for long work hears where it is."""

from typing import Protocol


class Progress(Protocol):
    """Told each step as it begins: its name, of which what follows a colon may differ, and how many rows it has."""

    def __call__(self, step: str, rows: int = 0, /) -> None:
        """Hear that a step begins.

        Parameters
        ----------
        step : str
            Its name.
        rows : int
            How many rows it goes through; 0 where that isn't known.
        """


def quiet(_step: str, _rows: int = 0, /) -> None:
    """Report nothing.

    Parameters
    ----------
    _step : str
        Name of the step that begins.
    _rows : int
        How many rows it goes through.
    """
