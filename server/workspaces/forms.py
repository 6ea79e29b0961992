"""The forms of workspaces."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from server.web.forms import Form
from server.workspaces.models import Role


class InviteForm(Form):
    """What the person who follows the link will be."""

    role: Literal[Role.MEMBER, Role.GUEST] = Role.MEMBER


class WorkspaceForm(Form):
    """The workspace's name, checked in `membership.rename`."""

    name: Annotated[str, StringConstraints(max_length=5000)] = ""


class RoleForm(Form):
    """What a member shall be."""

    role: Role
