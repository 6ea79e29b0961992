"""The forms of workspaces."""

from typing import Literal

from server.web.forms import Form
from server.workspaces.models import Role


class InviteForm(Form):
    """What the person who follows the link will be."""

    role: Literal[Role.MEMBER, Role.GUEST] = Role.MEMBER
