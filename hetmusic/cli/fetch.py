"""``hetmusic fetch``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("dump")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), required=True, help="Folder for the raw files."
)
@click.option("--only", multiple=True, metavar="FILE", help="One of the files; may be repeated.")
@click.option("--offline", is_flag=True, help="Only look what is there and what is missing.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def command(dump: str, folder: Path, only: tuple[str, ...], offline: bool, quiet: bool) -> None:
    """Download the raw files of a public data set.

    DUMP is the name of a data set, or a specification (YAML). An interrupted
    download goes on where it ended; what is there already is checked and kept.
    """
    from hetmusic.cli._render import quoted
    from hetmusic.cli._render_dumps import fetched
    from hetmusic.cli._render_fetch import watching
    from hetmusic.dumps.fetch import fetch
    from hetmusic.errors import DownloadError
    from kg_schema.dump import DumpSpec

    spec, lacking = DumpSpec.load(dump), 0
    for found in fetch(spec, folder, only=only, offline=offline, observer=watching(quiet)):
        fetched(found)
        lacking += found.lacking
    if lacking:
        files = "1 file is" if lacking == 1 else f"{lacking} files are"
        state = "is not complete" if folder.exists() else "does not exist"
        way_on = "; without --offline, what has an address is downloaded" if offline else ""
        raise DownloadError(f"{folder} {state}: {files} missing, as shown above{way_on}")
    what = f"--spec {quoted(dump)}" if Path(dump) == spec.source else dump
    click.echo(f"\nnext: hetmusic build {what} --raw {quoted(folder)} --out GRAPH")
