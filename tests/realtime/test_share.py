"""What the connections of one person have together."""

from dataclasses import dataclass

from realtime.share import Shares

MEGABYTE = 2**20


@dataclass(eq=False)
class Line:
    unsent_bytes: int = 0


def test_a_person_with_many_connections_is_given_no_more_than_with_one() -> None:
    shares = Shares(rate=1, burst=2, limit_bytes=3 * MEGABYTE)
    share, other = shares.take("ada", 0), shares.take("ben", 0)
    assert shares.take("ada", 0) is share
    lines = [Line() for _ in range(10)]
    for line in lines:
        if share.load(line):
            line.unsent_bytes = MEGABYTE
    assert [line.unsent_bytes for line in lines] == [MEGABYTE] * 4 + [0] * 6
    assert other.load(Line())
    lines[0].unsent_bytes = 0
    assert share.load(lines[9])


def test_what_a_person_owes_is_remembered_until_it_is_paid_back() -> None:
    shares = Shares(rate=1, burst=2, limit_bytes=0)
    share = shares.take("ada", 0)
    assert share.work.spend(3, 0) == 1
    shares.sweep(100)
    assert shares.take("ada", 2) is share, "it is open still"
    share.connections = 0
    shares.sweep(2)
    assert shares.take("ada", 2) is share, "it has gone, and owes"
    share.connections = 0
    shares.sweep(3)
    assert shares.take("ada", 3) is not share
