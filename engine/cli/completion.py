"""`ccr completion`."""

from __future__ import annotations

import click

PROGRAMS = ("ccr", "claude-code-router")


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the shell completion script.

    For example, in ~/.bashrc: `eval "$(ccr completion bash)"`.
    """
    from click.shell_completion import get_completion_class

    writer = get_completion_class(shell)
    assert writer is not None
    group = ctx.find_root().command
    for program in PROGRAMS:
        variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
        click.echo(writer(group, {}, program, variable).source())
