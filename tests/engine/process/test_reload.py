"""Reload: all or nothing, while requests run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from engine.build import build
from engine.built import Checked
from engine.compose import gateway_of
from engine.configuration.files import read_file
from engine.process.reload import Reloader
from tests.engine.test_exchange import ASK, HELLO, ONE
from tests.fakes.gateway import Answer, FakeTransport, InProcess, checked, in_process


async def run_for(reloader: Reloader, seconds: float = 1.0) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await reloader.run()


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def reloader_of(one: InProcess, text: str, file: str = "ccr.yaml") -> Reloader:
    def load() -> Checked:
        return checked(text, file)

    return Reloader(one.router, load, lambda spec: FakeTransport([Answer(HELLO)]), every_s=0.01)


async def test_a_clean_configuration_is_swapped_in() -> None:
    """The revision changes, unchanged instances keep what is known of them, and their connections stay."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    await one.post(ASK)
    before = one.router.gateway
    reloader = reloader_of(one, ONE.replace("models: [m1]", "models: [m1, m2]"))
    reloader.ask()
    await run_for(reloader)

    after = one.router.gateway
    assert after.revision != before.revision
    assert after.registry["up"].instances[0].record is before.registry["up"].instances[0].record
    assert one.router.reload["ok"] is True
    assert (await one.post(ASK)).headers["x-ccr-revision"] == after.revision


async def test_an_unclean_configuration_leaves_the_old_one_running() -> None:
    """Nothing changes but what `/status` says: each finding with its place."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    before = one.router.gateway
    reloader = reloader_of(one, ONE.replace("defaultProvider: up", "defaultProvider: nobody"))
    reloader.ask()
    await run_for(reloader)

    assert one.router.gateway is before
    assert one.router.reload["ok"] is False
    assert "nobody" in str(one.router.reload["findings"])
    assert (await one.post(ASK)).status == 200


async def test_a_file_that_cannot_be_read_leaves_the_old_one_running() -> None:
    """The file is gone, or the reader fails: said in `/status`, and the watching goes on."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    problems: list[Exception] = [FileNotFoundError(2, "No such file or directory"), ValueError("our bug")]
    said = []

    def load() -> Checked:
        raise problems.pop(0)

    reloader = Reloader(one.router, load, lambda spec: FakeTransport([Answer(HELLO)]), every_s=0.01)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reloader.run())
        for _ in range(2):
            one.router.reload = {}
            reloader.ask()
            while not one.router.reload:
                await asyncio.sleep(0.001)
            said.append(str(one.router.reload["findings"]))
        task.cancel()

    assert "No such file" in said[0]
    assert "the router failed" in said[1]
    assert "our bug" not in said[1]


async def test_a_new_value_behind_the_same_text_is_taken_over() -> None:
    """A rotated key in a variable or a secret file changes no revision, and is used all the same."""
    text = ONE + "conditions: {all: {model: '${NAME}'}}\n"

    def load(value: str) -> Checked:
        return build(text.encode(), "ccr.yaml", read_file=lambda path: b"", env={"NAME": value}, secrets="resolve")

    one = in_process(ONE, {"up": [Answer(HELLO)]})
    first = load("a").built
    assert first is not None
    one.router.gateway = gateway_of(first, lambda spec: FakeTransport([Answer(HELLO)]))
    before = one.router.gateway
    reloader = Reloader(one.router, lambda: load("b"), lambda spec: FakeTransport([Answer(HELLO)]), every_s=0.01)
    reloader.ask()
    await run_for(reloader)

    assert one.router.gateway is not before
    assert one.router.gateway.revision == before.revision


async def test_what_only_a_restart_takes_over_is_said() -> None:
    """The address is the one it started with."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    reloader = reloader_of(one, ONE + "server: {port: 4000}\n")
    reloader.ask()
    await run_for(reloader)

    assert one.router.reload["needsRestart"] == ["server.port"]


async def test_the_same_configuration_changes_nothing() -> None:
    """A reload of an equal file keeps the snapshot."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    before = one.router.gateway
    reloader = reloader_of(one, "# a comment\n" + ONE)
    reloader.ask()
    await run_for(reloader)

    assert one.router.gateway is before
    assert one.router.reload["changed"] is False


async def test_connections_of_a_removed_provider_are_closed_after_its_last_exchange() -> None:
    """Its transport stays open for as long as an exchange runs on the old snapshot, and is closed then."""
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    await one.post(ASK)
    old = one.router.gateway
    one.router.open_on[id(old)] += 1
    reloader = reloader_of(
        one, ONE.replace("  up:", "  other:").replace("defaultProvider: up", "defaultProvider: other")
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reloader.run())
        reloader.ask()
        await until(lambda: one.router.gateway is not old)
        await asyncio.sleep(0.03)
        assert not one.transports["up"].gone
        one.router.open_on[id(old)] -= 1
        await until(lambda: one.transports["up"].gone)
        task.cancel()

    assert list(one.router.gateway.upstreams) == ["other"]


async def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    """Without being asked: the files the configuration came from are watched."""
    file = tmp_path / "ccr.yaml"
    file.write_text(ONE)
    one = in_process(ONE, {"up": [Answer(HELLO)]})
    one.router.gateway = in_process(ONE, {"up": [Answer(HELLO)]}).router.gateway
    found = checked(ONE, str(file))
    assert found.built is not None
    one.router.gateway = structs.replace(one.router.gateway, built=found.built)
    reloader = Reloader(
        one.router,
        lambda: checked(file.read_text(), str(file)),
        lambda spec: FakeTransport([Answer(HELLO)]),
        every_s=0.01,
    )
    file.write_text(ONE.replace("models: [m1]", "models: [m1, m2, m3]"))
    before = one.router.gateway.revision
    await run_for(reloader)

    assert one.router.gateway.revision != before


@pytest.mark.parametrize("known", [True, False])
async def test_an_include_that_comes_late_is_noticed(tmp_path: Path, known: bool) -> None:
    """Whether it was there before or was named before it was written: once it is there the configuration is taken."""
    main, part = tmp_path / "ccr.yaml", tmp_path / "part.yaml"
    main.write_text(ONE + ("include: [part.yaml]\n" if known else ""))
    part.write_text("conditions: {a: {stream: true}}\n")

    def load() -> Checked:
        return build(main.read_bytes(), str(main), read_file=read_file, env={}, secrets="resolve")

    one = in_process(ONE, {"up": [Answer(HELLO)]})
    first = load().built
    assert first is not None
    one.router.gateway = gateway_of(first, lambda spec: FakeTransport([Answer(HELLO)]))
    before = one.router.gateway.revision
    reloader = Reloader(one.router, load, lambda spec: FakeTransport([Answer(HELLO)]), every_s=0.005)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reloader.run())
        part.unlink()
        main.write_text(ONE + "include: [part.yaml]\n")
        while one.router.reload.get("ok") is not False:
            await asyncio.sleep(0.001)
        part.write_text("conditions: {another: {stream: true}}\n")
        while one.router.reload.get("ok") is not True:
            await asyncio.sleep(0.001)
        task.cancel()

    assert one.router.gateway.revision != before


async def test_a_change_while_the_files_are_read_is_not_missed(tmp_path: Path) -> None:
    """What is written after the file was read, and before the reload is over, is read by the next one."""
    main = tmp_path / "ccr.yaml"
    main.write_text(ONE)
    later = [ONE.replace("models: [m1]", "models: [m1, m3]")]

    def load() -> Checked:
        data = main.read_bytes()
        if later:
            main.write_text(later.pop())
        return build(data, str(main), read_file=read_file, env={}, secrets="resolve")

    one = in_process(ONE, {"up": [Answer(HELLO)]})
    first = build(main.read_bytes(), str(main), read_file=read_file, env={}, secrets="resolve").built
    assert first is not None
    one.router.gateway = gateway_of(first, lambda spec: FakeTransport([Answer(HELLO)]))
    reloader = Reloader(one.router, load, lambda spec: FakeTransport([Answer(HELLO)]), every_s=0.005)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(reloader.run())
        main.write_text(ONE.replace("models: [m1]", "models: [m1, m2]"))
        while [model.name for model in one.router.gateway.built.providers["up"].models] != ["m1", "m3"]:
            await asyncio.sleep(0.001)
        task.cancel()
