"""The end of a run: its account, the judgement of its sources, and with both its exit code."""

from __future__ import annotations

from dataclasses import replace

from crawler.monitoring import alarms
from crawler.monitoring.alarms import Alarms
from crawler.run import outages
from crawler.run.context import RunContext
from crawler.run.ledger import exit_code_of, exit_code_of_crawl, is_idle, write_ledger
from crawler.run.outages import Outage
from crawler.run.requisites import Allowance
from crawler.run.settling import Settling
from storage.database.engine import Connection
from storage.errors import DamageError
from storage.frontier import leases
from storage.records import Ledger
from storage.runs import balance
from storage.runs import rows as runs
from storage.runs.balance import Reach
from storage.times import now


class Ending:
    """What the last job of a run does, and what came of it."""

    def __init__(self, run: RunContext, settling: Settling, allowance: Allowance) -> None:
        self.stopped_by: int | None = None  # the signal that ended the run
        self.ledger: Ledger | None = None
        self.results: dict[str, bool] = {}  # whether each source that was asked gave anything
        self.reasons: dict[str, str] = {}  # why, of those that did not
        self.alarms = Alarms()
        self.exit_code: int | None = None
        self._run = run
        self._settling = settling
        self._allowance = allowance
        self._archived = False  # a transaction that is tried again finds it written

    @property
    def imbalance(self) -> DamageError | None:
        """What is to be told of an account that does not add up."""
        if self.ledger is None or not self.ledger.faults:
            return None
        faults = "; ".join(self.ledger.faults)
        return DamageError(f"the ledger does not hold: {faults}; please report it, and keep the log")

    def account(self, conn: Connection) -> None:
        """Give back what is in hand, and enter what became of all that the run considered: into the archive, and its row."""
        run = self._run
        leases.release(conn, run.id)
        self._settling.enter_habits(conn)
        ledger = self.ledger = self._balanced(conn)
        self.results = runs.source_results(conn, run.id, seeds_only=not run.options.exact)
        self.reasons = runs.failure_reasons(conn, run.id, [name for name, good in self.results.items() if not good])
        code = self.exit_code = self._code(conn)
        if not self._archived:
            self._archive(conn, ledger, code)
        runs.end(conn, run.id, code, ledger, now())

    def _balanced(self, conn: Connection) -> Ledger:
        run = self._run
        all_ids = [] if run.options.exact else [source.id for source in run.sources.values()]
        reach = Reach(now(), run.started_at, all_ids, self._allowance.source_ids)
        account = balance.ledger(conn, run.id, reach)
        return account if is_idle(account) else balance.with_states(conn, account)

    def _code(self, conn: Connection) -> int:
        if self.imbalance is not None:
            return self.imbalance.exit_code
        return 128 + self.stopped_by if self.stopped_by else self._judge(conn)

    def _judge(self, conn: Connection) -> int:
        """The exit code of a run that was not stopped, after its sources were judged."""
        run = self._run
        if run.options.exact:
            return exit_code_of(self.results)
        found = alarms.sound(conn, run.id, run.sources, run.config.alarm.budget, now())
        found = self.alarms = self._with_outage(conn, found)
        return exit_code_of_crawl(
            self.results,
            len(run.sources),
            needs_a_person=found.needs_a_person,
            fails_anew=found.fails_anew or run.options.now,
        )

    def _with_outage(self, conn: Connection, found: Alarms) -> Alarms:
        """What is to be told, without what an earlier run told of the same outage; whether it is over."""
        run = self._run
        before = Outage.from_text(runs.outage(conn))
        known = outages.after(before, self.results, len(run.sources), found.unanswered, now())
        if self.results:
            runs.note_outage(conn, run.id, known.to_text())
        back = before.since if known.since is None else None
        return replace(found, fails_anew=found.fails_anew and known.level > before.level, back_since=back)

    def _archive(self, conn: Connection, ledger: Ledger, code: int) -> None:
        run = self._run
        ended: dict[str, str | int] = {"ended_at": now(), "exit_code": code}
        write_ledger(conn, run.writer, run.id, ledger, run.limits.spool_folder, **ended)
        if not is_idle(ledger):
            run.journal.write_to(run.writer, run.id)
        run.writer.close()
        self._archived = True
