"""A data set on its way to the engine: Parquet files in a folder that goes away, and who is who in them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from accounts.intake import POSTS, WEB, Batch, link_interactions
from accounts.intake.websites import website_host
from accounts.keys import account_keys
from accounts.log import LOG_INTERACTIONS, LOG_POSTS, interactions_to_log, posts_to_log

_LINKING: Final = pa.schema([POSTS.field(name) for name in ("at", "author", "post", "network", "kind", "links")])
_NAMES: Final = pa.schema([pa.field("network", pa.string()), pa.field("account", pa.string())])
_PROFILES: Final = pa.schema(
    [*_NAMES, pa.field("handle", pa.string()), pa.field("host", pa.string()), pa.field("verified", pa.bool_())]
)
_SCHEMAS: Final = {
    "interactions": LOG_INTERACTIONS,
    "posts": LOG_POSTS,
    "linking": _LINKING,
    "names": _NAMES,
    "profiles": _PROFILES,
}

# Of a profile that comes again, what was known last counts: of websites too, so that one whose host names nobody ("")
# takes the one before off. An account's verified word and website are the profile's.
_PROFILES_ONCE: Final = """
CREATE TABLE profile AS
SELECT network, account,
    last(handle ORDER BY place) FILTER (handle IS NOT NULL) AS spelling,
    lower(spelling) AS handle,
    nullif(last(host ORDER BY place) FILTER (host IS NOT NULL), '') AS host,
    coalesce(last(verified ORDER BY place) FILTER (verified IS NOT NULL), FALSE) AS verified
FROM (SELECT *, file_row_number AS place FROM read_parquet(?, file_row_number = TRUE))
GROUP BY network, account
"""
_NAMES_ONCE: Final = """
SELECT network, account FROM read_parquet($path)
UNION SELECT network, account FROM profile
UNION SELECT $web, host FROM profile WHERE host IS NOT NULL
"""
# Whose an account is, if not its own: a website belongs to the one profile that names it, or to the one verified one;
# an id made from a handle ("@" and the handle in lower case) to the one account that has the handle.
_OWNED: Final = """
WITH keyed AS (SELECT * FROM profile JOIN name USING (network, account)),
made AS (
    SELECT name.key, min(keyed.key) AS own
    FROM name JOIN keyed ON keyed.network = name.network AND '@' || keyed.handle = name.account
    WHERE NOT starts_with(keyed.account, '@')
    GROUP BY name.key
    HAVING count(*) = 1
),
naming AS (
    SELECT host, coalesce(made.own, keyed.key) AS own, bool_or(verified) AS verified
    FROM keyed LEFT JOIN made ON made.key = keyed.key
    WHERE host IS NOT NULL AND network <> $web
    GROUP BY ALL
),
website AS (
    SELECT name.key, CASE WHEN count(*) = 1 THEN min(own) ELSE min(own) FILTER (verified) END AS own
    FROM naming JOIN name ON name.network = $web AND name.account = naming.host
    GROUP BY name.key
    HAVING count(*) = 1 OR count(*) FILTER (verified) = 1
),
owned AS (SELECT * FROM website UNION ALL SELECT * FROM made)
SELECT name.key AS account, coalesce(owned.own, name.key) AS person
FROM name LEFT JOIN owned ON owned.key = name.key
ORDER BY account
"""
# A handle as its profile writes it.
_SPELT: Final = """
SELECT name.*, profile.spelling AS handle FROM name LEFT JOIN profile USING (network, account)
"""
_SEEDS: Final = """
SELECT DISTINCT owner.person FROM profile JOIN name USING (network, account)
JOIN owner ON owner.account = name.key WHERE profile.verified ORDER BY owner.person
"""


@dataclass(frozen=True, slots=True)
class People:
    """Accounts by key (key, network, account, handle), whose they are (account, person), and where trust starts."""

    names: pa.Table
    owners: pa.Table
    seeds: npt.NDArray[np.int64]


class Spool:
    """Takes a data set's batches, and gives the tables of the log.

    Call `add` for each batch, `close`, `people`, then what the engine reads. In memory is a batch at a time, and in
    `people` the accounts. DuckDB does the rest and spills into the same folder.
    """

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("SET temp_directory = ?", [str(folder)])
        self._connection = connection
        self._between: tuple[int, int] | None = None
        self._paths = {name: folder / f"{name}.parquet" for name in _SCHEMAS}
        self._writers = {
            name: pyarrow.parquet.ParquetWriter(path, _SCHEMAS[name]) for name, path in self._paths.items()
        }

    def add(self, batch: Batch) -> None:
        if batch.accounts.num_rows:
            self._writers["profiles"].write_table(_profiles(batch.accounts))
        for rows in (batch.interactions, batch.posts):
            if rows.num_rows:
                at: Any = rows["at"].to_numpy()
                first, last = int(at.min()), int(at.max())
                known = self._between or (first, last)
                self._between = min(known[0], first), max(known[1], last)
        if batch.posts.num_rows:
            self._writers["posts"].write_table(posts_to_log(batch.posts))
            linking = batch.posts.filter(batch.posts["links"].is_valid()).select(_LINKING.names)
            self._writers["linking"].write_table(linking.cast(_LINKING))
            self._name(batch.posts["network"], batch.posts["author"])
        if batch.interactions.num_rows:
            rows = batch.interactions
            self._writers["interactions"].write_table(interactions_to_log(rows))
            self._name(rows["network"], rows["actor"])
            self._name(pa.compute.coalesce(rows["target_network"], rows["network"]), rows["target"])

    def _name(self, networks: Any, accounts: Any) -> None:
        rows = pa.table({"network": networks, "account": accounts}, schema=_NAMES)
        self._writers["names"].write_table(rows.group_by(["network", "account"]).aggregate([]).cast(_NAMES))

    @property
    def between(self) -> tuple[int, int] | None:
        """Return the first and the last second of which there is a row, None without any."""
        return self._between

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()

    def people(self) -> People:
        """Return who is who. Every account that a row names is somebody."""
        self._connection.execute(_PROFILES_ONCE, [str(self._paths["profiles"])])
        names = self._sql(_NAMES_ONCE, path=str(self._paths["names"]), web=WEB)
        network: Any = names["network"].combine_chunks()
        account: Any = names["account"].combine_chunks()
        keys = account_keys(network, account)
        names = names.append_column("key", keys)
        self._connection.register("name", names)
        owners = self._sql(_OWNED, web=WEB)
        self._connection.register("owner", owners)
        return People(self._sql(_SPELT), owners, self._sql(_SEEDS)["person"].to_numpy())

    def _sql(self, query: str, **parameters: str) -> pa.Table:
        table: pa.Table = self._connection.sql(query, params=parameters).to_arrow_table()
        return table

    def interactions(self) -> list[Path]:
        """Return the interactions, and the links from posts to known websites. Call `people` first."""
        known = self._sql("SELECT account FROM name WHERE network = $web", web=WEB)
        websites = {str(host) for host in known["account"].to_pylist()}
        links = self._paths["interactions"].with_name("links.parquet")
        with (
            pyarrow.parquet.ParquetFile(self._paths["linking"]) as posts,
            pyarrow.parquet.ParquetWriter(links, LOG_INTERACTIONS) as writer,
        ):
            for batch in posts.iter_batches():
                found = link_interactions(pa.Table.from_batches([batch]), websites)
                writer.write_table(interactions_to_log(found))
        return [self._paths["interactions"], links]

    def posts(self) -> list[Path]:
        """Return the posts, each once; of a post that comes again the first row counts."""
        path = str(self._paths["posts"])
        query = "SELECT count(*) > count(DISTINCT post) FROM read_parquet(?)"
        (again,) = self._connection.execute(query, [path]).fetchall()[0]
        if not again:
            return [self._paths["posts"]]
        once = self._paths["posts"].with_name("posts_once.parquet")
        self._connection.execute(
            """
            COPY (
                SELECT * EXCLUDE (file_row_number) FROM read_parquet($path, file_row_number = TRUE)
                QUALIFY row_number() OVER (PARTITION BY post ORDER BY file_row_number) = 1
            ) TO $once (FORMAT parquet)
            """,
            {"path": path, "once": str(once)},
        )
        return [once]


def _profiles(accounts: pa.Table) -> pa.Table:
    websites = accounts["website"].to_pylist()
    hosts = [website and (website_host(website) or "") for website in websites]
    return pa.table(
        {
            "network": accounts["network"],
            "account": accounts["account"],
            "handle": accounts["handle"],
            "host": pa.array(hosts, pa.string()),
            "verified": accounts["verified"],
        },
        schema=_PROFILES,
    )
