"""Templates to responses. A fragment is a block of its page, so there is one place for each piece of markup."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from server.web import csrf
from server.web.static import static_url
from server.web.times import clock_words, day_words, time_words, zone_of

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@cache
def environment() -> Environment:
    """Return the one template environment of this process."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        # A misspelt name in a template is a defect to see, not an empty place on the page.
        undefined=StrictUndefined,
        trim_blocks=False,
        auto_reload=True,
    )
    made.filters |= {"clock_words": clock_words, "time_words": time_words, "day_words": day_words}
    return made


def render(
    request: Request, name: str, *, block: str | None = None, status: int = 200, **context: object
) -> HTMLResponse:
    """Render the template `name`, or only one `block` of it for htmx to swap.

    Every template also sees status, request, user, workspace, workspaces, manages, publishes, works_here, csrf,
    static(name), sends_mail (whether a mail server is set) and now (in the reader's zone: `server.web.times`). Source
    of what surrounds the page: the middleware that recognises the person.
    """
    everything = {**_surroundings(request), "status": status, **context}
    template = environment().get_template(name)
    if block is None:
        text = template.render(everything)
    else:
        text = "".join(template.blocks[block](template.new_context(everything)))
    return HTMLResponse(text, status_code=status)


def wants_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of a page, not for a page."""
    return request.headers.get("HX-Request") == "true"


def _surroundings(request: Request) -> dict[str, Any]:
    state = request.state
    return {
        "request": request,
        # A guest has no account: headers show them as nobody, their own pages say who they are.
        "user": None
        if getattr(getattr(state, "user", None), "kind", None) == "guest"
        else getattr(state, "user", None),
        "workspace": getattr(state, "workspace", None),
        "workspaces": getattr(state, "workspaces", ()),
        "manages": getattr(state, "manages", False),
        "publishes": getattr(state, "publishes", False),
        "works_here": getattr(state, "works_here", False),
        "csrf": csrf.token_for(request),
        "static": static_url,
        "sends_mail": bool(request.app.state.settings.smtp_url),
        "now": datetime.now(zone_of(request)),
    }
