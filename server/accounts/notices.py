"""A sentence for the next page: what a form did is said after the redirect, once.

The cookie carries only a word that the page knows a sentence for. In the address it would be said again at each
reload, and a link from elsewhere could make a page claim what never happened.
"""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from server.settings import Settings
from server.web.cookies import drop_cookie, read_cookie, set_cookie

NOTICE: Final = "quillroom_notice"
_LASTS_SECONDS: Final = 60


def go_and_say(request: Request, path: str, word: str) -> Response:
    """Redirect to a page that then says the sentence it keeps for `word`."""
    settings: Settings = request.app.state.settings
    response = RedirectResponse(path, status_code=303)
    set_cookie(response, NOTICE, word, settings, max_age_seconds=_LASTS_SECONDS)
    return response


def to_say(request: Request, sentences: Mapping[str, str]) -> str | None:
    """Return the sentence that this page was sent to say, if it is one of its own."""
    settings: Settings = request.app.state.settings
    return sentences.get(read_cookie(request, NOTICE, settings) or "")


def said(request: Request, response: Response) -> Response:
    """Forget the word, now that the page is shown."""
    settings: Settings = request.app.state.settings
    if read_cookie(request, NOTICE, settings) is not None:
        drop_cookie(response, NOTICE, settings)
    return response
