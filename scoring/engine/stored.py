"""States, days, forecasts and results as Parquet files: written whole, and read as the tables that they were."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import ibis
import pyarrow as pa
import pyarrow.parquet

from scoring.engine.backtests import Backtest, Bin, Ranking
from scoring.engine.daily import COUNTS, PAIR, SORT, TEXTS, WEIGHTS, Days
from scoring.engine.forecasts import Forecast
from scoring.engine.inputs import POST_TOPICS, SUPPORTS
from scoring.engine.results import Result, Supports
from scoring.engine.state import RECENT, State
from scoring.engine.tables import Table, Workspace, to_disk

_SETS: Final = pa.schema([("topic_set", pa.int64()), ("topic", pa.int64())])


# Numbers of few things.
_NARROW: Final[dict[str, pa.DataType]] = {"kind": pa.int8(), "network": pa.int16()}


def _schema(whole: Sequence[str], parts: Sequence[str] = ()) -> pa.Schema:
    types: dict[str, pa.DataType] = dict.fromkeys(whole, pa.int64()) | dict.fromkeys(parts, pa.float64())
    return pa.schema({name: _NARROW.get(name, type_) for name, type_ in types.items()})


_STATE: Final = {
    "pairs": _schema((*PAIR, *COUNTS, *RECENT[:2]), (*WEIGHTS, RECENT[2])),
    "details": _schema((*PAIR, *SORT), ("slow", "burst")),
    "accounts": _schema(("account", "posts", "own")),
    "words": _schema(("account", "word", "bits")),
}
_DAYS: Final = {
    "pairs": _schema((*PAIR, "day", *COUNTS), WEIGHTS),
    "details": _schema((*PAIR, *SORT, "day"), ("slow", "burst")),
    "accounts": _schema(("account", "day", "posts", "own", "posted")),
    "events": _schema(("day", "events")),
    "texts": TEXTS,
    "matches": pa.schema([*POST_TOPICS, pa.field("day", pa.int64())]),
}


def write_state(workspace: Workspace, state: State, topic_sets: pa.Table, folder: Path) -> State:
    """Write the tables of a state.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    state : State
        The sums.
    topic_sets : pyarrow.Table
        topic_set and topic, of all sets in the details.
    folder : Path
        Where to, made if it isn't there.

    Returns
    -------
    State
        The same, read from the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in state.tables().items():
        workspace.write(table, folder / f"{name}.parquet")
    pyarrow.parquet.write_table(topic_sets, folder / "topic_sets.parquet")
    return read_state(workspace, folder, until=state.until, events=state.events, began=state.began)


def read_state(workspace: Workspace, folder: Path, *, until: int, events: int, began: int | None) -> State:
    """Return a state that was written, unread.

    Parameters
    ----------
    workspace : Workspace
        Where to read it.
    folder : Path
        Where it is.
    until, events, began : int
        What isn't in the files (`State`).

    Returns
    -------
    State
        Expressions over the files.
    """
    tables = {
        name: workspace.read([folder / f"{name}.parquet"], schema, f"the state's {name}")
        for name, schema in _STATE.items()
    }
    return State(until, **tables, events=events, began=began)


def read_topic_sets(folder: Path) -> pa.Table:
    """Return the topics of the sets that a state's details name.

    Parameters
    ----------
    folder : Path
        Where the state is.

    Returns
    -------
    pyarrow.Table
        topic_set and topic.
    """
    return pyarrow.parquet.read_table(folder / "topic_sets.parquet", schema=_SETS)


def write_days(workspace: Workspace, days: Days, texts: pa.Table, matches: Table, folder: Path, *, since: int) -> None:
    """Write what days come to, each apart.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    days : Days
        Sums.
    texts : pyarrow.Table
        Fingerprints of texts (`daily.TEXTS`).
    matches : ibis table
        post, topic and the post's day.
    folder : Path
        Where to, made if it isn't there.
    since : int
        Earlier days are left out, in days since 1970.
    """
    tables = {field.name: getattr(days, field.name) for field in fields(days)}
    tables |= {"texts": ibis.memtable(texts), "matches": matches}
    for name, table in tables.items():
        workspace.write(table.filter(table.day >= since), folder / name, by="day")


def read_days(workspace: Workspace, folders: Mapping[int, Path], name: str) -> Table:
    """Return one table of days that were written, unread.

    Parameters
    ----------
    workspace : Workspace
        Where to read it.
    folders : mapping of int to Path
        Where each day is.
    name : str
        Which: pairs, details, accounts, events, texts or matches.

    Returns
    -------
    ibis table
        An expression over the files; empty for no days.
    """
    files = [file for day, folder in sorted(folders.items()) for file in day_files(folder, day, name)]
    return workspace.read(files, _DAYS[name], f"the days' {name}")


def day_files(folder: Path, day: int, name: str = "*") -> list[Path]:
    """Return the files of a day that was written.

    Parameters
    ----------
    folder : Path
        Where it is.
    day : int
        In days since 1970.
    name : str
        Which of its tables; all of them unless given.

    Returns
    -------
    list of Path
        None for a table of which the day has no row.
    """
    return sorted(folder.glob(f"{name}/day={day}/*.parquet"))


def write_forecast(forecast: Forecast, folder: Path) -> None:
    """Write a forecast.

    Parameters
    ----------
    forecast : Forecast
        What was foretold.
    folder : Path
        Where to, made if it isn't there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = {"until": str(forecast.until), "seeded_from": forecast.seeded_from}
    people = forecast.people.replace_schema_metadata(said)
    pyarrow.parquet.write_table(people, folder / "people.parquet", compression="zstd")
    pyarrow.parquet.write_table(forecast.exchanges, folder / "exchanges.parquet", compression="zstd")


def read_forecast(folder: Path) -> Forecast:
    """Return a forecast that was written.

    Parameters
    ----------
    folder : Path
        Where it is.

    Returns
    -------
    Forecast
        The same.

    Raises
    ------
    OSError
        It isn't there, or isn't whole.
    """
    people = pyarrow.parquet.read_table(folder / "people.parquet")
    said = {name.decode(): value.decode() for name, value in (people.schema.metadata or {}).items()}
    exchanges = pyarrow.parquet.read_table(folder / "exchanges.parquet")
    return Forecast(int(said["until"]), said["seeded_from"], people, exchanges)


def check_forecast(folder: Path) -> None:
    """Read a forecast through, and keep nothing of it.

    Parameters
    ----------
    folder : Path
        Where it is.

    Raises
    ------
    OSError
        It isn't there, or isn't whole.
    """
    for name in ("people", "exchanges"):
        with pyarrow.parquet.ParquetFile(folder / f"{name}.parquet") as file:
            for _ in file.iter_batches():
                pass


_RESULT: Final = ("scores", "topics", "parts")
_SUPPORTS: Final = "supports.parquet"
# Results lie there for minutes: the time that a smaller file takes isn't won back.
_QUICK: Final[dict[str, Any]] = {"compression": "lz4", "use_dictionary": False}


def write_supports(tables: Iterable[pa.Table], folder: Path) -> Supports:
    """Write supporters as they are made, so that they never lie in memory all together.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Rows of `SUPPORTS`.
    folder : Path
        Where to, made if it isn't there.

    Returns
    -------
    pyarrow.parquet.ParquetFile
        The rows, unread; a row group for each table.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with pyarrow.parquet.ParquetWriter(folder / _SUPPORTS, SUPPORTS, **_QUICK) as writer:
        for table in tables:
            writer.write_table(table)
    return _supports(folder)


def write_result(result: Result, folder: Path) -> Result:
    """Write everything that a run gives, and force it to the disk.

    Parameters
    ----------
    result : Result
        What was computed, with the supporters as `write_supports` wrote them into the folder.
    folder : Path
        Where to.

    Returns
    -------
    Result
        The same.
    """
    write_forecast(result.forecast(), folder)
    for name in _RESULT:
        pyarrow.parquet.write_table(getattr(result, name), folder / f"{name}.parquet", **_QUICK)
    said = {"notes": result.notes, "backtest": None if result.backtest is None else asdict(result.backtest)}
    (folder / "said.json").write_text(json.dumps(said))
    to_disk(folder)
    return result


def read_result(folder: Path) -> Result:
    """Return a result that was written.

    Parameters
    ----------
    folder : Path
        Where it is.

    Returns
    -------
    Result
        The same, to the bit; its supporters are read when they are asked for.

    Raises
    ------
    OSError, ValueError
        It isn't there, or isn't whole.
    """
    said = json.loads((folder / "said.json").read_text())
    tables = {name: pyarrow.parquet.read_table(folder / f"{name}.parquet") for name in _RESULT}
    found = said["backtest"]
    backtest = None
    if found is not None:
        rankings = {name: Ranking(**ranking) for name, ranking in found.pop("baselines").items()}
        score, bins = Ranking(**found.pop("score")), tuple(Bin(**each) for each in found.pop("bins"))
        backtest = Backtest(**found, score=score, baselines=rankings, bins=bins)
    # A file that was cut off is found out here, and not when half of it is published.
    check_forecast(folder)
    supports, forecast = _supports(folder), partial(read_forecast, folder)
    return Result(**tables, supports=supports, notes=said["notes"], forecast=forecast, backtest=backtest)


def _supports(folder: Path) -> Supports:
    return pyarrow.parquet.ParquetFile(folder / _SUPPORTS)
