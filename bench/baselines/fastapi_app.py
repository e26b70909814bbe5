"""FastAPI with an async driver, one commit a request: aiosqlite or asyncpg, and no ORM in between.

The fastest plain form that was found of each: one connection behind a lock on SQLite, where writers take
turns anyway, and a pool of connections with prepared statements on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiosqlite
import asyncpg  # type: ignore[import-untyped]
from fastapi import FastAPI, Request, Response
from sqlalchemy import Dialect, make_url
from sqlalchemy.dialects import postgresql, sqlite

from bench.baselines import CONNECTIONS, SQLITE_PRAGMAS, Callbacks
from config import Config
from receiver.intake.arrival import Row
from receiver.models import Event

Store = Callable[[list[Any]], Awaitable[object]]

COLUMNS = [column for column in Event.__table__.columns if column.name != "id"]
NAMES = ", ".join(column.name for column in COLUMNS)


def app() -> FastAPI:
    """For `uvicorn --factory`, with the service's settings in the environment."""
    config = Config.from_env(dotenv=None)
    callbacks = Callbacks(config)
    on_sqlite = config.database_url.startswith("sqlite")
    bind = _binder(sqlite.dialect() if on_sqlite else postgresql.dialect())  # type: ignore[no-untyped-call]
    opened = _sqlite if on_sqlite else _postgresql
    store: Store

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal store
        async with opened(config.database_url) as store:
            yield

    api = FastAPI(lifespan=lifespan)

    @api.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    @api.post("/callbacks/{key}/{kind}")
    async def receive(key: str, kind: str, request: Request) -> Response:
        if not callbacks.accepts(key):
            return Response(status_code=404)
        body = await request.body()
        query = request.scope["query_string"]
        peer = request.client.host if request.client else ""
        await store(bind(callbacks.row(kind, query, request.headers.get, body, peer)))
        return Response(status_code=200)

    return api


def _binder(dialect: Dialect) -> Callable[[Row], list[Any]]:
    """Turns a row into what the driver takes, in the order of `COLUMNS`."""
    ways = [(column.name, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in COLUMNS]
    return lambda row: [row[name] if way is None else way(row[name]) for name, way in ways]


@contextlib.asynccontextmanager
async def _sqlite(url: str) -> AsyncIterator[Store]:
    statement = f"INSERT INTO events ({NAMES}) VALUES ({', '.join('?' for _ in COLUMNS)})"
    turn = asyncio.Lock()
    async with aiosqlite.connect(make_url(url).database or "", timeout=60) as connection:
        for pragma in SQLITE_PRAGMAS:
            await connection.execute(f"PRAGMA {pragma}")

        async def store(values: list[Any]) -> None:
            async with turn:
                await connection.execute(statement, values)
                await connection.commit()

        yield store


@contextlib.asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Store]:
    marks = ", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))
    statement = f"INSERT INTO events ({NAMES}) VALUES ({marks})"
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with asyncpg.create_pool(plain, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:

        async def store(values: list[Any]) -> None:
            await pool.execute(statement, *values)  # a statement of its own is a transaction of its own

        yield store
