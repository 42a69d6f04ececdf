"""``hetmusic recommend``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--user", "users", multiple=True, help="Original id of a user; may be given several times.")
@click.option("--users", "file", type=click.Path(path_type=Path), help="File with one user id a line.")
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Length of the list."
)
@click.option(
    "--exclude-seen/--include-seen",
    default=True,
    show_default=True,
    help="Leave out what the user is known to like.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: Path, users: tuple[str, ...], file: Path | None, k: int, exclude_seen: bool, as_json: bool
) -> None:
    """Recommend to users from a finished run."""
    from hetmusic.recommend import Run
    from hetmusic.recommend.output import render_json, render_table
    from hetmusic.recommend.users_file import read_users

    wanted = [*users, *(read_users(file) if file is not None else [])]
    if not wanted:
        raise click.UsageError("name a user with --user, or a file of users with --users")
    lists = Run.open(run).recommend(wanted, k, exclude_seen=exclude_seen)
    click.echo(render_json(lists) if as_json else render_table(lists))
