"""A row of the log names its writer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import select
from sqlmodel import col

from realtime.ports import Append, DocumentId, Epoch
from server.db import Sessions, transaction
from server.documents import lifecycle
from server.documents.live.log import PostgresLog
from server.documents.models import DocumentUpdate
from server.workspaces.models import Role
from tests.factories import actor, make_team
from tests.realtime.documents import Author, seed


async def test_alone_and_in_a_batch(sessions: Sessions, pool: asyncpg.Pool[Any]) -> None:
    user, workspace = await make_team(sessions)
    async with transaction(sessions) as db:
        documents = [await lifecycle.create(db, actor(user, workspace, Role.ADMIN)) for _ in range(2)]
        ids = [DocumentId(str(each.id)) for each in documents]
        epochs = [Epoch(str(await lifecycle.epoch_of(db, each.id))) for each in documents]
    update, other = Author(seed()).write("more"), uuid4()
    async with PostgresLog(pool) as log:
        await log.append([Append(ids[0], epochs[0], update, str(other))])
        await log.append([Append(ids[0], epochs[0], update), Append(ids[1], epochs[1], update, str(other))])
        await log.append([Append(ids[1], epochs[1], update, "nobody of ours")])
    async with transaction(sessions) as db:
        rows = await db.execute(
            select(col(DocumentUpdate.written_by))
            .where(col(DocumentUpdate.document_id).in_([each.id for each in documents]))
            .order_by(col(DocumentUpdate.document_id) != documents[0].id, col(DocumentUpdate.seq))
        )
        assert list(rows.scalars()) == [user.id, other, None, user.id, other, None]
