"""Keeps the conditions under which a service refuses calls for a while: signed out, over its limit, a right missing.

Belongs here: how long a condition holds and which calls it stops. A condition begins with a planned failure or with a
limit that is used up. An expired sign-in stops all calls of its service, a missing right those of its tool, a limit
those of its tool until its time is over. What people can mend, a sign-in or a right, is taken as mended when the user
has spoken; by then, the time to wait is over, too.

>>> conditions = ServiceConditions()
>>> conditions.add(Condition("expired_auth", "gmail", "FETCH_EMAILS", datetime(2026, 1, 5, 9)))
>>> conditions.find("gmail", "LIST_DRAFTS", datetime(2026, 1, 5, 9, 1)).fault
'expired_auth'
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from funcdex_assets.records.labels import Fault

SERVICE_FAULTS: tuple[Fault, ...] = ("expired_auth", "permission_denied", "rate_limit", "timeout")
"""Faults that are conditions of the service; the others are about what a call says."""


@dataclass(frozen=True)
class Condition:
    """A reason for which calls fail from `since` on, until `until` if that is known. Without `tool`, all calls of the
    toolkit. `subject` is the thing to which the user lacks a right, by noun and identifier; '' for all.
    """

    fault: Fault
    toolkit: str
    tool: str
    since: datetime
    until: datetime | None = None
    subject: str = ""

    def stops(self, toolkit: str, tool: str, subject: str, now: datetime) -> bool:
        """Returns whether a call of this tool about this subject fails by it now."""
        if self.toolkit != toolkit or (self.until is not None and now >= self.until):
            return False
        if self.fault == "timeout":
            return False  # it was over when the call had failed
        if self.fault == "expired_auth":
            return True
        return self.tool == tool and (not self.subject or self.subject == subject)

    def count_seconds_left(self, now: datetime) -> int | None:
        """Returns how many seconds the condition holds on; None if that is not known."""
        return None if self.until is None else max(1, round((self.until - now).total_seconds()))


@dataclass
class ServiceConditions:
    """The conditions of one world; those that are over stay known, for they explain what failed."""

    holding: list[Condition] = field(default_factory=list)
    ended: list[Condition] = field(default_factory=list)

    def add(self, condition: Condition) -> None:
        self.holding.append(condition)

    def find(self, toolkit: str, tool: str, now: datetime, subject: str = "") -> Condition | None:
        """Returns the condition by which a call fails now, None if it can be answered."""
        return next((one for one in self.holding if one.stops(toolkit, tool, subject, now)), None)

    def end_all(self, now: datetime) -> datetime:
        """Ends what holds, because people have seen to it, and returns the moment by which all waiting is over."""
        moments = [one.until + timedelta(seconds=3) for one in self.holding if one.until is not None]
        self.ended += self.holding
        self.holding.clear()
        return max([now, *moments])

    def dump(self) -> Any:
        """Returns the conditions as JSON."""
        return [
            [one.fault, one.toolkit, one.tool, one.since.isoformat(), one.until and one.until.isoformat(), one.subject]
            for one in (*self.ended, *self.holding)
        ]
