from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from server.web.redirects import safe_next, sign_in_path


@pytest.mark.parametrize(
    "onward", ["/documents", "/documents/7?view=all&q=a%20b#top", "/join/abc", "/documents?next=//evil.example"]
)
def test_a_path_of_ours_is_kept(onward: str) -> None:
    assert safe_next(onward) == onward


@pytest.mark.parametrize(
    "onward",
    [
        None,
        "",
        "documents",
        "https://evil.example/",
        "//evil.example/",
        "///evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "\t//evil.example/",
        " //evil.example/",
        "javascript:alert(1)",
        "/documents\r\nSet-Cookie: quillroom_session=planted",
        "/documents\x00",
        "/documents\x7f",
        "/" + "a" * 5000,
        "//[evil",
    ],
)
def test_anything_that_could_leave_the_site_is_not(onward: str | None) -> None:
    assert safe_next(onward) == "/documents"


@given(st.text())
def test_no_text_leads_off_the_site(text: str) -> None:
    for onward in (text, "/" + text, "//" + text, "/\\" + text):
        chosen = safe_next(onward)
        # What browsers do before they read an address.
        read = "".join(character for character in chosen if character not in "\t\r\n").replace("\\", "/").strip()
        assert read.startswith("/")
        assert not read.startswith("//")
        assert not urlsplit(read).netloc


def request_of(method: str, path: str, query: str = "", headers: dict[str, str] | None = None) -> Request:
    return Request(
        {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
            "server": ("quillroom.test", 80),
            "scheme": "http",
            "root_path": "",
        }
    )


def test_signing_in_leads_back_to_the_page_that_asked_for_it() -> None:
    assert sign_in_path(request_of("GET", "/documents/7", "view=all")) == "/sign-in?next=/documents/7%3Fview%3Dall"
    assert sign_in_path(request_of("GET", "/documents")) == "/sign-in"


def test_a_refused_change_does_not_come_back_as_a_page() -> None:
    assert sign_in_path(request_of("POST", "/documents/7/trash")) == "/sign-in"


def test_htmx_comes_back_to_the_page_around_the_fragment() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://quillroom.test/documents/7"}
    assert sign_in_path(request_of("POST", "/documents/7/trash", headers=headers)) == "/sign-in?next=/documents/7"
    headers["HX-Current-URL"] = "http://evil.example//evil.example"
    assert sign_in_path(request_of("GET", "/documents", headers=headers)) == "/sign-in"
