"""What passes through the protocol of channels."""

import pytest

from server.publishing.channel import web_address


@pytest.mark.parametrize("said", ["https://board.test/@ada/1", "http://board.test/1"])
def test_an_address_that_people_can_open_is_kept(said: str) -> None:
    assert web_address(said) == said


@pytest.mark.parametrize("said", ["javascript:alert(1)", "//board.test", "", None, 7, "https://" + "a" * 2000])
def test_what_a_channel_says_in_place_of_one_is_not(said: object) -> None:
    assert web_address(said) is None
