"""The workers of one router ask each other how they are, over sockets in a private folder. An edge."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.live.rows import Recent

JSON = dict[str, object]
Known = dict[str, int]
"""Worker, as text -> the number of its last exchange that is known."""

Told = TypeVar("Told")

ASK_WITHIN_S = 1.0
MOST_BYTES = 16_777_216


class Siblings:
    """What one of `count` workers knows of the others: where they listen. `own` gives this worker's status."""

    def __init__(self, index: int, count: int, folder: Path) -> None:
        self.index = index
        self.count = count
        self._folder = folder

    async def answer(self, own: Callable[[], JSON], recent: Callable[[Known], Recent]) -> None:
        """Tells siblings this worker's status, or its last exchanges, until cancelled.

        The question is one line: an object of what is known of each worker's exchanges, or nothing for the status.
        """

        async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with asyncio.timeout(ASK_WITHIN_S):
                    question = (await reader.readline()).strip()
                answer = recent(msgspec.json.decode(question, type=Known)) if question else self.row(own())
            except (OSError, TimeoutError, ValueError):  # whoever asked has ended
                writer.close()
                return
            writer.write(msgspec.json.encode(answer))
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
        return await self._asked(b"", JSON)

    async def recent(self, known: Known) -> list[Recent]:
        """The last exchanges of the others, without those that are `known`."""
        return await self._asked(msgspec.json.encode(known), Recent)

    async def _asked(self, question: bytes, kind: type[Told]) -> list[Told]:
        async with asyncio.TaskGroup() as group:
            others = [index for index in range(self.count) if index != self.index]
            asked = [group.create_task(self._ask(index, question, kind)) for index in others]
        return [found for task in asked if (found := task.result()) is not None]

    async def _ask(self, index: int, question: bytes, kind: type[Told]) -> Told | None:
        try:
            async with asyncio.timeout(ASK_WITHIN_S):
                reader, writer = await asyncio.open_unix_connection(self._path(index), limit=MOST_BYTES)
                writer.write(question + b"\n")
                data = await reader.read(-1)
        except (OSError, TimeoutError):
            return None
        writer.close()
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.DecodeError:  # it ended while it answered
            return None

    def _path(self, index: int) -> str:
        return str(self._folder / f"{index}.sock")
