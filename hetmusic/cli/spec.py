"""``hetmusic spec``."""

from __future__ import annotations

from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.group(name="spec")
def command() -> None:
    """Describe your own tables: write a first specification, check one."""


@command.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, help="YAML file to write; without it the text is printed.")
@click.option("--name", default="", help="Name of the data set, by default that of the folder.")
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
def init(folder: Path, out: Path | None, name: str, overwrite: bool) -> None:
    """Look at the tables in FOLDER and write a first specification.

    CSV, TSV, JSON lines, Parquet and SQLite, also in several files. What is
    uncertain is marked with a question mark.
    """
    from hetmusic.cli._render_spec import drafted
    from hetmusic.specs import init_spec, write_spec

    report = init_spec(folder, name)
    if out is None:
        click.echo(report.text, nl=False)
        return
    write_spec(report, out, overwrite)
    drafted(report, out, folder)


@command.command()
@click.argument("spec")
@click.option("--raw", type=PATH, help="Folder of the raw files, to compare with.")
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=1_000_000,
    show_default=True,
    help="Rows of each file to look at.",
)
def check(spec: str, raw: Path | None, rows: int) -> None:
    """Explain everything that is wrong with SPEC, a YAML file.

    With --raw the files are compared with it: columns, values, keys that do
    not meet. Exit status 0 if there are no errors (warnings may be), else 1.
    """
    from hetmusic.cli._render_spec import checked
    from hetmusic.errors import SchemaError
    from hetmusic.specs import check_spec

    report = check_spec(spec, raw, rows)
    checked(report)
    if report.errors:
        problems = "1 problem" if len(report.errors) == 1 else f"{len(report.errors)} problems"
        raise SchemaError(f"{report.path} has {problems}, listed above")
