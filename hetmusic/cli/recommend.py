"""``hetmusic recommend``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

_AXIS = click.FloatRange(-1, 1)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--user", "users", multiple=True, help="Original id of a user; may be given several times.")
@click.option("--users", "file", type=click.Path(path_type=Path), help="File with one user id a line.")
@click.option(
    "--liked",
    multiple=True,
    metavar="KEYS",
    help="For somebody the run does not know: ids of liked items, separated by commas.",
)
@click.option("--friends", multiple=True, metavar="KEYS", help="Likewise: ids of users who are friends.")
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Length of the list."
)
@click.option(
    "--exclude-seen/--include-seen",
    default=True,
    show_default=True,
    help="Leave out what the user is known to like.",
)
@click.option("--emotion", help="Lean towards a mood by name, such as calm.")
@click.option("--valence", type=_AXIS, help="Lean towards a valence, unpleasant (-1) to pleasant (1).")
@click.option("--arousal", type=_AXIS, help="Lean towards an arousal, calm (-1) to excited (1).")
@click.option(
    "--strength",
    type=click.FloatRange(min=0),
    help="How far to lean: with 1 the mood counts as much as the taste. [default: 1]",
)
@click.option(
    "--explain", is_flag=True, help="Say why: what the scores are made of, and the evidence for them."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: Path,
    users: tuple[str, ...],
    file: Path | None,
    liked: tuple[str, ...],
    friends: tuple[str, ...],
    k: int,
    exclude_seen: bool,
    emotion: str | None,
    valence: float | None,
    arousal: float | None,
    strength: float | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Recommend to users from a finished run, or to somebody new by likes and friends."""
    from hetmusic.cli._mood import chosen_mood
    from hetmusic.recommend import Run
    from hetmusic.recommend.keys import split_keys
    from hetmusic.recommend.output import render_json, render_table
    from hetmusic.recommend.recommendation import NEWCOMER
    from hetmusic.recommend.users_file import read_users

    mood, weight = chosen_mood(emotion, valence, arousal, strength)
    wanted = [*users, *(read_users(file) if file is not None else [])]
    new = bool(liked or friends)
    if wanted and new:
        raise click.UsageError(
            "--user and --users are for users of the run, --liked and --friends for others"
        )
    if not wanted and not new:
        raise click.UsageError(
            "name a user with --user, a file of users with --users, or what somebody new likes with --liked"
        )
    opened = Run.open(run)
    do: Callable[..., Any] = opened.explain if explain else opened.recommend
    if new:
        do = opened.explain_for if explain else opened.recommend_for
        asked: tuple[list[str], ...] = (
            split_keys(liked, opened.item_index),
            split_keys(friends, opened.user_index),
        )
    else:
        asked = (wanted,)
    found = do(*asked, k=k, exclude_seen=exclude_seen, mood=mood, strength=weight)
    lists = {NEWCOMER: found} if new else found
    if explain:
        from hetmusic.recommend.explain.output import render_explained, render_explained_json

        click.echo(render_explained_json(lists) if as_json else render_explained(lists))
    else:
        click.echo(render_json(lists) if as_json else render_table(lists))
