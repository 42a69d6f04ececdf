"""What the documentation says exists: links, commands, options, configuration keys, code."""

from __future__ import annotations

import re
import shlex
from collections import deque
from itertools import pairwise
from pathlib import Path

import click
import pytest

from hetmusic._toml import parse_override, tomllib
from hetmusic.cli._features_extract import command as extract_command
from hetmusic.cli._main import COMMANDS, cli
from hetmusic.errors import ConfigError
from hetmusic.experiments.models import make_model
from hetmusic.experiments.space import parse_space
from hetmusic.experiments.tuning import StudyPlan
from hetmusic.features.extraction.asking import requests_of
from hetmusic.features.extraction.request import MODALITY
from hetmusic.graph.validation import CHECKS
from hetmusic.ranking import USER_METRICS
from hetmusic.relations import relation_encoders
from hetmusic.training import load_config
from hetmusic.training.load_config import preset_names
from hetmusic.training.losses import losses
from tests import config_tables

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = {page: page.read_text(encoding="utf-8") for page in PAGES}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_blocks(page: Path, language: str) -> list[str]:
    return [code for name, code in FENCE.findall(TEXT[page]) if name == language]


def anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", TEXT[page]), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", TEXT[page])):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page_id(page)} links to {target}, which does not exist"
        if anchor:
            assert anchor in anchors(file), (
                f"{page_id(page)} links to {target}, but no heading gives that anchor"
            )


def test_every_page_is_linked_from_another():
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page, text in TEXT.items()
        for target in re.findall(r"\]\(([^)\s]+\.md[^)\s]*)\)", text)
        if (page.parent / target.partition("#")[0]).resolve() != page
    }
    # the site's navigation leads to the rest
    linked |= {
        (ROOT / "docs" / name) for name in re.findall(r"[\w/]+\.md", (ROOT / "mkdocs.yml").read_text())
    }
    assert {page for page in PAGES if page.name != "README.md"} <= linked


def command_lines(text: str) -> list[list[str]]:
    """The arguments of every ``hetmusic`` call in shell code blocks and in running text."""
    blocks = [code for language, code in FENCE.findall(text) if language in {"", "sh", "bash", "console"}]
    whole = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines = [part for line in whole for part in re.split(r"&&|\|", line)]
    lines += re.findall(r"`(hetmusic [^`\n]+)`", FENCE.sub("", text))
    calls = [shlex.split(line, comments=True) for line in lines if line.strip().startswith("hetmusic ")]
    return [call[1:] for call in calls]


def check_setting(arguments: list[str], text: str) -> None:
    """Fail unless the model of a command has a setting."""
    command = arguments[0]
    if command == "compare":
        label, _, text = text.partition(".")
        models = arguments[arguments.index("--models") + 1].split(",")
        labelled = dict(found.split("=") for found in models if "=" in found)
        make_model(labelled.get(label, label), parse_override(text))
    elif command == "tune":
        make_model(arguments[arguments.index("--model") + 1], parse_override(text))
    elif command == "features":
        check_extraction(arguments)
    elif command != "synth" and command != "check":
        # together with the others of the call: some are of use in company only
        load_config(overrides=[value for name, value in pairwise(arguments) if name == "--set"])


def check_extraction(arguments: list[str]) -> None:
    """Fail unless extractors are known and have the arguments that are set."""
    command = extract_command.make_context("extract", arguments[2:]).params
    asked = {kind: [text for text in command[kind] if "my_package" not in text] for kind in MODALITY}
    names = {text.rpartition("=")[0] or MODALITY[kind] for kind, texts in asked.items() for text in texts}
    requests_of(asked, [text for text in command["settings"] if text.partition(".")[0] in names])


def check_call(arguments: list[str]) -> None:
    """Fail unless command, sub-command, options and the number of arguments are right."""
    context = click.Context(cli, info_name="hetmusic")
    command: click.Command = cli
    rest = arguments
    while isinstance(command, click.Group):
        if not rest or rest[0].startswith("-"):
            break
        found = command.get_command(context, rest[0])
        assert found is not None, f"there is no command {rest[0]!r}"
        command, rest = found, rest[1:]
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    options |= dict.fromkeys(("-h", "--help"))
    positional, tokens = 0, deque(rest)
    while tokens:
        token = tokens.popleft()
        if not token.startswith("-"):
            positional += 1
            continue
        assert token in options, f"hetmusic {' '.join(arguments)}: no option {token}"
        option = options[token]
        if isinstance(option, click.Option) and not option.is_flag:
            if isinstance(option.flag_value, str) and (not tokens or tokens[0].startswith("-")):
                continue  # its value may be left out
            value = tokens.popleft() if tokens else None
            # running text may name an option without a value
            assert value is None or not value.startswith("--"), f"{token} is followed by {value}"
            if token == "--set" and value is not None and "KEY" not in value:
                check_setting(arguments, value)
    arguments_of = [p for p in command.params if isinstance(p, click.Argument)]
    allowed = positional if any(p.nargs == -1 for p in arguments_of) else len(arguments_of)
    assert positional <= allowed, f"hetmusic {' '.join(arguments)}: more than {allowed} arguments"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_and_options_exist(page):
    for arguments in command_lines(TEXT[page]):
        check_call(arguments)


def test_commands_are_found_in_the_pages():
    """The test above would pass if it found nothing."""
    named = {call[0] for text in TEXT.values() for call in command_lines(text)}
    assert named >= set(COMMANDS)


@pytest.mark.parametrize(
    "wrong",
    [
        ["fti", "graph"],
        ["fit", "graph", "--ouy", "run"],
        ["features", "export"],
        ["info", "graph", "other"],
        ["fit", "graph", "--set", "training.lrr=1"],
        ["tune", "graph", "--model", "ease", "--set", "factors=1"],
        ["compare", "graph", "--models", "ease", "--set", "ease.factors=1"],
        ["features", "extract", "graph", "--text", "--set", "lyrics.dmi=1"],
        ["features", "extract", "graph", "--text", "words=tfidf-svm", "--set", "words.dim=1"],
    ],
    ids=" ".join,
)
def test_wrong_calls_are_noticed(wrong):
    with pytest.raises((AssertionError, ConfigError)):
        check_call(wrong)


def test_relation_encoder_page_runs(capsys):
    namespace: dict[str, object] = {"__name__": "docs"}
    for code in code_blocks(ROOT / "docs" / "relation_encoders.md", "python"):
        exec(compile(code, "docs/relation_encoders.md", "exec"), namespace)
    printed = capsys.readouterr().out.split("tensor")[1:]
    loud, scaled, alike = ([float(x) for x in re.findall(r"\d\.\d*", text)] for text in printed)
    # log 2 for one play, log 4 for three, halved; log 8 for seven; nothing for the user without listens
    assert loud == pytest.approx([0.3466, 0.6931, 0, 2.0794, 0, 0], abs=1e-4)
    assert scaled == [1, 1, 0, 2, 0, 0]
    # users are zeros, so all songs are alike to them
    assert alike == [0.5, 0.5, 0, 1, 0, 0]


def test_toml_blocks_are_configurations(tmp_path):
    for page in ("train.md", "relation_encoders.md"):
        for number, code in enumerate(code_blocks(ROOT / "docs" / page, "toml")):
            if code.startswith("# space.toml"):
                continue  # which test_ten_minutes.py searches
            file = tmp_path / f"{number}.toml"
            file.write_text(code, encoding="utf-8")
            load_config(file=file)


def test_search_spaces_can_be_searched():
    codes = code_blocks(ROOT / "docs" / "compare.md", "toml")
    assert len(codes) == 2
    for code in codes:
        StudyPlan("mmgnn", parse_space(tomllib.loads(code), "compare.md")).check()


def test_config_tables_are_up_to_date():
    text = TEXT[config_tables.PAGE]
    assert text == config_tables.with_tables(text), "run `python -m tests.config_tables`"


def first_column(text: str, heading: str) -> set[str]:
    """Names in the first column of the first table whose header begins with ``heading``."""
    _, _, rest = text.partition(f"| {heading} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return {row.split("|")[1].strip().strip("`") for row in rows}


def test_tables_name_everything_there_is():
    train, encoders = (TEXT[ROOT / "docs" / name] for name in ("train.md", "relation_encoders.md"))
    assert first_column(train, "preset") == set(preset_names())
    assert first_column(train, "`training.loss`") == set(losses.classes)
    assert first_column(encoders, "name") == set(relation_encoders.classes)
    checks = first_column(TEXT[ROOT / "docs" / "build_graphs.md"], "check")
    assert checks == set(CHECKS)
    metrics = first_column(TEXT[ROOT / "docs" / "metrics.md"], "name")
    assert {name.removesuffix("@K") for name in metrics} == set(USER_METRICS)


def test_encoder_arguments_are_documented():
    rows = TEXT[ROOT / "docs" / "relation_encoders.md"].partition("## Built-in encoders")[2].splitlines()
    for name, cls in relation_encoders.classes.items():
        (row,) = (row for row in rows if row.startswith(f"| `{name}` |"))
        documented = set(re.findall(r"`(\w+)`", row.split("|")[3]))
        parameters = cls.__init__.__code__.co_varnames[1 : cls.__init__.__code__.co_argcount]
        assert documented == set(parameters) - {"dim"}, name
