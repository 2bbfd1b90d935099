"""Under which key the log takes each account of an import, and which accounts it doesn't take."""

import threading
from collections import Counter

import numpy as np
import pyarrow as pa

from accounts.actions.people import Account, SavedAccounts
from accounts.actions.spool import Part, Spool
from accounts.intake import Reject
from accounts.keys import account_key
from accounts.log import ACCOUNT_COLUMNS, LOG_TABLES


class Names:
    """Which of a source's accounts go by another name, and which can't be kept.

    Until it is settled every account goes by its own.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._aliases: dict[Account, str] = {}
        self._refused: frozenset[Account] = frozenset()
        self._erased: frozenset[Account] = frozenset()
        self._unwanted: dict[int, dict[int, Account]] = {}
        self._left_out: Counter[Account] = Counter()
        self._counting = threading.Lock()

    def add(self, saved: SavedAccounts) -> None:
        """Take in what became of some accounts."""
        self._refused |= saved.refused
        self._erased |= saved.erased
        self._aliases |= saved.aliases

    @property
    def are_plain(self) -> bool:
        """Say whether every account is kept, under its own name."""
        return not (self._refused or self._erased or self._aliases)

    def settle(self) -> None:
        """Note the keys of accounts in the spool's files, and which are left out; to be called once all is known."""
        if self.are_plain:
            return
        unwanted = self._refused | self._erased
        for file in self._spool.files:
            names, keys = self._spool.names(file), self._spool.keys(file)
            accounts = zip(names["network"].to_pylist(), names["account"].to_pylist(), strict=True)
            for number, account in enumerate(accounts):
                if account in self._aliases:
                    account = (account[0], self._aliases[account])
                    keys[number] = account_key(*account)
                if account in unwanted:
                    self._unwanted.setdefault(file, {})[number] = account
            self._spool.save_keys(file, keys)

    def keyed(self, table: str, part: Part, *, counting: bool = True) -> pa.Table:
        """Return a part's rows as the log takes them, those of aliases under the known account, without the refused.

        Rows that are left out are counted, unless they are looked at for something else. May be called by several
        threads at once.
        """
        keys = self._spool.keys(part.file)
        rows = pa.Table.from_batches([part.rows])
        numbers = [rows[column].to_numpy() for column in ACCOUNT_COLUMNS[table]]
        columns = {name: rows[name] for name in rows.column_names}
        columns |= dict(zip(ACCOUNT_COLUMNS[table], (pa.array(keys[each]) for each in numbers), strict=True))
        keyed = pa.table(columns, schema=LOG_TABLES[table])
        unwanted = self._unwanted.get(part.file)
        if not unwanted:
            return keyed
        kept = np.ones(rows.num_rows, dtype=np.bool_)
        for each in numbers:
            left_out = kept & np.isin(each, list(unwanted))
            if counting:
                with self._counting:
                    self._left_out.update(unwanted[number] for number in each[left_out].tolist())
            kept &= ~left_out
        return keyed.filter(pa.array(kept))

    def rejects(self, source: str) -> list[Reject]:
        """Return a reject for each refused account, and one for the erased; which lines theirs were isn't known."""
        found = [
            Reject(
                source,
                0,
                f"the key {account_key(*account)} of an account on {account[0]} belongs to another account: "
                f"its profile and {self._left_out[account]} rows were left out",
            )
            for account in sorted(self._refused)
        ]
        if self._erased:
            rows = sum(self._left_out[account] for account in self._erased)
            found.append(Reject(source, 0, f"{len(self._erased)} accounts were erased: {rows} rows were left out"))
        return found
