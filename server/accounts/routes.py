"""The pages for coming in and going out; those of one's account are in `account_pages`."""

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.accounts import account_pages, passwords, people, throttle
from server.accounts.entry import address_of, let_in, let_out
from server.accounts.forms import SignInForm
from server.accounts.models import User
from server.errors import TooMany, Unavailable
from server.web.redirects import safe_next
from server.web.render import render

# The same words for an unknown address, a wrong password and a disabled person.
NOT_RIGHT = "The e-mail address or the password is not right."


async def sign_in_page(request: Request) -> Response:
    """Show the form, or go on if the person is in already."""
    onward = request.query_params.get("next")
    if request.state.user is not None:
        return RedirectResponse(safe_next(onward), status_code=303)
    if not await people.exist(request.state.db):
        return render(request, "accounts/setup_needed.html")
    return _form(request, onward=safe_next(onward, default=""))


async def sign_in(request: Request) -> Response:
    """Check the password; start a new session, whatever cookie came along."""
    form = await SignInForm.read(request)
    onward = safe_next(form.next, default="")
    try:
        user = await _check(request, form)
    except (TooMany, Unavailable) as error:
        status = 429 if isinstance(error, TooMany) else 503
        response = _form(request, status=status, errors={"form": str(error)}, email=form.email, onward=onward)
        response.headers["Retry-After"] = str(error.retry_after_seconds if isinstance(error, TooMany) else 5)
        return response
    if user is None:
        return _form(request, status=422, errors={"form": NOT_RIGHT}, email=form.email, onward=onward)
    response = RedirectResponse(safe_next(onward), status_code=303)
    await let_in(request, response, user)
    return response


async def sign_out(request: Request) -> Response:
    """End the session; also fine for somebody whose session is over."""
    response = RedirectResponse("/sign-in", status_code=303)
    await let_out(request, response)
    return response


async def _check(request: Request, form: SignInForm) -> User | None:
    """Return the person, or None for any reason. Raises TooMany, Unavailable."""
    db: AsyncSession = request.state.db
    redis: Redis = request.app.state.redis
    address = address_of(request)
    try:
        email = people.clean_email(form.email)
    except ValueError:
        # Counted and hashed like any other, so that it takes as long.
        email = ""
    await throttle.count_sign_in(redis, email=email, address=address)
    user = await people.find_by_email(db, email) if email else None
    right, fresh = await passwords.verify(form.password, user.password_hash if user else None)
    if user is None or not right or user.disabled_at is not None:
        return None
    if fresh is not None:
        user.password_hash = fresh
    await throttle.forgive_sign_in(redis, email=email, address=address)
    return user


def _form(
    request: Request, *, onward: str, status: int = 200, errors: dict[str, str] | None = None, email: str = ""
) -> Response:
    response = render(
        request, "accounts/sign_in.html", status=status, values={"email": email}, errors=errors or {}, next=onward
    )
    response.headers["Cache-Control"] = "no-store"
    return response


routes = [
    Route("/sign-in", sign_in_page, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    *account_pages.routes,
]
