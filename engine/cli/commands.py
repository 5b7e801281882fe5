"""The table of commands and the group that imports one only when it is called."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

import click

from engine.version import VERSION

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# Name -> the sentence that `ccr --help` shows (a test compares it with the command's own help). The command is the
# attribute `command` of `engine.cli.<name with underscores>`, or of the module named in `_MODULES`.
COMMANDS: dict[str, str] = {
    "start": "Start the router.",
    "stop": "Stop a running router.",
    "restart": "Stop the router and start it again in the background.",
    "reload": "Make a running router read its configuration again.",
    "status": "Show what a running router is doing.",
    "top": "Watch a running router.",
    "health": "Say whether a running router can serve.",
    "logs": "Show the router's log.",
    "replay": "Send a saved request again, and show what is different.",
    "usage": "Show the tokens and the money that were used.",
    "code": "Run Claude Code through the router.",
    "env": "Print the lines that point Claude Code at the router.",
    "test-config": "Check configurations and report every error at once.",
    "doctor": "Say what is wrong with this machine, the configuration, its providers and the client.",
    "diff": "Show which requests go elsewhere under another configuration.",
    "gen-tests": "Print routing tests for a configuration, as its section `tests`.",
    "explain": "Show where a request would go, and why, and what it takes to go elsewhere.",
    "init": "Write a commented starter configuration.",
    "import": "Turn another router's configuration into one of ccr.",
    "schema": "Print the JSON Schema of the configuration.",
    "trust": "Let `start`, `restart` and `code` use this folder's ccr.yaml.",
    "keys": "Make, check and revoke the keys of the router's clients.",
    "secrets": "Encrypt the secrets of configurations.",
    "audit": "Check and show the audit log.",
    "completion": "Print the shell completion script.",
}


_MODULES = {"import": "import_"}  # a keyword of Python


class LazyGroup(click.Group):
    """A group over `COMMANDS`: help and completion of names import nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"engine.cli.{_MODULES.get(cmd_name, cmd_name.replace('-', '_'))}")
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a wrong name gets the nearest right one."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        raise click.UsageError(f"no command `{name}`{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list in `ccr --help`, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that go on like `incomplete`."""
        from click.shell_completion import CompletionItem

        begun = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return [*begun, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, "-v", "--version", message="ccr %(version)s")
@click.pass_context
def ccr(ctx: click.Context) -> None:
    """Route Claude Code to the models of your choice.

    `ccr init` writes a configuration, `ccr test-config` checks it, `ccr start` serves it,
    `ccr explain` shows where a request goes and why.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


@ccr.result_callback()
@click.pass_context
def _leave(ctx: click.Context, status: object) -> None:
    """Makes the number that a command returns the exit status."""
    if isinstance(status, int):
        ctx.exit(status)
