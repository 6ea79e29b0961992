"""The forms of workspaces."""

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from server.web.forms import Form
from server.workspaces.models import Role


class HereForm(Form):
    """Which workspace the form's page showed, for `middleware.actor_here`."""

    workspace: UUID | None = None


class InviteForm(HereForm):
    """What the person who follows the link will be, and the address to send it to, if any."""

    role: Role = Role.MEMBER
    email: Annotated[str, StringConstraints(max_length=5000, strip_whitespace=True)] = ""


class WorkspaceForm(HereForm):
    """The workspace's name, checked in `membership.rename`."""

    name: Annotated[str, StringConstraints(max_length=5000)] = ""


class RoleForm(HereForm):
    """What a member shall be, or whoever comes by an invitation."""

    role: Role
