"""The workers of one router ask each other how they are, over sockets in a private folder. An edge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

JSON = dict[str, object]
ASK_WITHIN_S = 1.0
MOST_BYTES = 16_777_216


class Siblings:
    """What one of `count` workers knows of the others: where they listen. `own` gives this worker's status."""

    def __init__(self, index: int, count: int, folder: Path) -> None:
        self.index = index
        self.count = count
        self._folder = folder

    async def answer(self, own: Callable[[], JSON]) -> None:
        """Tells siblings this worker's status, until cancelled."""

        async def tell(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(msgspec.json.encode(self.row(own())))
            writer.close()

        server = await asyncio.start_unix_server(tell, self._path(self.index))
        try:
            await asyncio.Event().wait()
        finally:
            server.close()

    def row(self, status: JSON) -> JSON:
        """A status with the worker's number and process."""
        return {**status, "worker": self.index + 1, "pid": os.getpid()}

    async def others(self) -> list[JSON]:
        """The statuses of the others, of those that answer in time."""
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(index)) for index in range(self.count) if index != self.index]
        return [found for task in asked if (found := task.result()) is not None]

    async def _ask(self, index: int) -> JSON | None:
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                reader, writer = await asyncio.open_unix_connection(self._path(index), limit=MOST_BYTES)
                data = await reader.read(-1)
        except (OSError, TimeoutError):
            return None
        writer.close()
        try:
            found = msgspec.json.decode(data, type=JSON)
        except msgspec.DecodeError:  # it ended while it answered
            return None
        return found

    def _path(self, index: int) -> str:
        return str(self._folder / f"{index}.sock")
