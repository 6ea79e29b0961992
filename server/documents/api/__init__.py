"""Documents for programs: `/api/v1`, described at `/api/v1/openapi.json` and in docs/api.md.

`table` holds the operations and makes the routes of them; `shapes` is what goes in and comes out; `documents` and
`contents` do the work, the long work in `turns`.
"""

from server.documents.api.table import OPERATIONS, routes

__all__ = ["OPERATIONS", "routes"]
