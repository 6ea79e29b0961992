"""What the API says about rehearsals."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import Field

from server.publishing.rehearsal.rehearsing import Rehearsal
from server.publishing.rehearsal.scene import Finding, Person, Rule, Severity
from server.publishing.rehearsal.spans import DAYS, MOST_DAYS
from server.web.operations import Answer, QueryInput


class RehearsalQuery(QueryInput):
    """How far to look ahead, and which part of what was found to return."""

    days: int = Field(default=DAYS, ge=1, le=MOST_DAYS, description="How many days from now on.")
    severity: Severity | None = Field(default=None, description="Only findings that are as bad as this.")
    limit: int = Field(default=100, ge=1, le=500, description="How many findings to return at most.")
    cursor: int = Field(default=0, ge=0, le=100_000, description="`next_cursor` of the page before this one.")


class PersonSeen(Answer):
    """Somebody who can act."""

    id: UUID
    name: str

    @classmethod
    def of(cls, person: Person) -> Self:
        """Describe a person."""
        return cls(id=person.id, name=person.name)


class FindingSeen(Answer):
    """What is to be known about a planned publication."""

    publication_id: UUID
    name: str
    document_id: UUID | None
    account_id: UUID | None
    account_name: str
    due_at: datetime
    rule: Rule
    severity: Severity
    sentence: str = Field(description="What would happen, and why.")
    deed: str = Field(description="What to do about it.")
    people: list[PersonSeen] = Field(description="Who can do it.")
    path: str = Field(description="The page where it is done.")

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Describe a finding."""
        play = finding.play
        return cls(
            publication_id=play.id,
            name=play.name,
            document_id=play.document_id,
            account_id=play.account_id,
            account_name=finding.account_name,
            due_at=play.due_at,
            rule=finding.rule,
            severity=finding.severity,
            sentence=finding.sentence,
            deed=finding.deed,
            people=[PersonSeen.of(each) for each in finding.who],
            path=finding.link,
        )


class RehearsalRead(Answer):
    """What came out of a rehearsal. The numbers are of publications, each counted at its worst."""

    since: datetime
    until: datetime
    planned: int = Field(description="How many publications were looked at.")
    goes_out: int = Field(description="How many of them go out as they were meant to.")
    will_fail: int
    at_risk: int
    is_cut: bool = Field(description="Whether more are planned than are looked at at once: 2,000.")
    findings: list[FindingSeen] = Field(description="By the time at which publications are due, the worst first.")
    next_cursor: int | None

    @classmethod
    def of(cls, rehearsal: Rehearsal, found: Sequence[Finding], next_cursor: int | None) -> Self:
        """Describe a rehearsal with a part of its findings."""
        return cls(
            since=rehearsal.since,
            until=rehearsal.until,
            planned=rehearsal.planned,
            goes_out=rehearsal.goes_out,
            will_fail=rehearsal.counts[Severity.WILL_FAIL],
            at_risk=rehearsal.counts[Severity.AT_RISK],
            is_cut=rehearsal.is_cut,
            findings=[FindingSeen.of(each) for each in found],
            next_cursor=next_cursor,
        )
