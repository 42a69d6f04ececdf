"""The files of a run folder, and the typed content of its ``run.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hetmusic._io import read_json, write_json
from hetmusic.errors import RunError, did_you_mean

#: the version this code writes, and the newest one it reads
FORMAT_VERSION = 1

#: what the run is, JSON (:class:`RunInfo`); written last, so a folder without it is no run
RUN_FILE = "run.json"
#: the complete configuration with defaults filled in
CONFIG_FILE = "config.toml"
#: final averages (:class:`hetmusic.evaluation.Evaluation`), beside them the values of every user
METRICS_FILE = "metrics.json"
PER_USER_FILE = "per_user.parquet"
#: one JSON object a line and epoch
HISTORY_FILE = "history.jsonl"
#: the split as :class:`hetmusic.graph.splits.Split` saves it
SPLIT_FOLDER = "split"
#: keys and names by index, parquet with columns ``key``, ``name``
USER_IDS_FILE = "ids/user.parquet"
ITEM_IDS_FILE = "ids/item.parquet"
#: final vectors, float32; the score of a pair is their inner product
EMBEDDINGS_FOLDER = "embeddings"
USER_EMBEDDINGS_FILE = "embeddings/user.npy"
ITEM_EMBEDDINGS_FILE = "embeddings/item.npy"
#: valence and arousal of the items, float32 ``(num_items, 2)``, and which items have them; only if the graph knew any
ITEM_EMOTIONS_FILE = "emotion/item.npy"
ITEM_EMOTIONS_PRESENT_FILE = "emotion/item.present.npy"
#: model weights at the best validation score
BEST_WEIGHTS_FILE = "weights/best.safetensors"
#: what an exact resume needs: the last weights, the optimiser's state, the trainer's
STATE_FOLDER = "state"

Status = Literal["running", "interrupted", "finished"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GraphPointer(_Strict):
    """Which graph a run was fitted on."""

    #: the graph folder: absolute, or relative to the working directory or the run folder
    path: str
    #: :attr:`hetmusic.graph.MusicGraph.checksum` at the time of fitting
    checksum: str
    #: the graph folder seen from the run folder, for when both are moved together
    relative: str | None = None
    #: SHA-256 of the feature files that the model reads, by their path inside the graph folder
    features: dict[str, str] = {}

    def locate(self, run_folder: Path) -> Path:
        """The graph folder: seen from the run folder, so that a copied pair stays together; else the path as it is.

        :raises RunError: naming the missing path, if there is no such folder.
        """
        run_folder = Path(run_folder)
        relative = [] if self.relative is None else [(run_folder / self.relative).resolve()]
        for candidate in (*relative, Path(self.path), run_folder / self.path):
            if candidate.is_dir():
                return candidate
        raise RunError(
            f"{run_folder / RUN_FILE}: the graph folder {self.path} that the run was fitted on is gone"
        )


class PluginRecord(_Strict):
    """A plug-in of another package that a run uses, and where it comes from."""

    #: e.g. ``relation encoder``
    kind: str
    #: ``module:Class``
    path: str
    #: the installed package and its version, if the module belongs to one
    distribution: str | None = None
    version: str | None = None
    #: the module's file at the time of fitting
    file: str | None = None
    #: keys of the configuration that name it
    used_by: list[str] = []


class RunInfo(_Strict):
    """The content of ``run.json``."""

    format_version: int = FORMAT_VERSION
    #: the hetmusic version that wrote the run
    hetmusic: str
    status: Status
    graph: GraphPointer
    #: node type that is recommended, e.g. ``artist``
    item_type: str
    num_users: int = Field(ge=1)
    num_items: int = Field(ge=1)
    #: plug-ins of other packages by what the configuration calls them; needed only to go on training or to encode anew
    plugins: dict[str, PluginRecord] = {}

    def with_status(self, status: Status) -> RunInfo:
        """The same run in another state."""
        return self.model_copy(update={"status": status})

    def save(self, folder: Path | str) -> None:
        """Write ``run.json`` atomically.

        :raises UserError: if the folder cannot be written.
        """
        write_json(Path(folder) / RUN_FILE, self.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path | str) -> RunInfo:
        """Read and check ``run.json``.

        :raises RunError: if the folder is not a run, or the file is damaged, of a newer format version or has
            a field that is unknown, missing or of the wrong type.
        """
        path = Path(folder) / RUN_FILE
        if not Path(folder).is_dir():
            raise RunError(f"{folder} is not a run: no such folder")
        if not path.is_file():
            raise RunError(f"{folder} is not a run folder: {RUN_FILE} is missing")
        value = read_json(path, RunError)
        _check_version(path, value)
        try:
            return cls.model_validate(value)
        except ValidationError as problem:
            raise RunError(f"{path}: {_first_problem(problem)}") from None


def _check_version(path: Path, value: Any) -> None:
    version = value.get("format_version") if isinstance(value, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RunError(f"{path}: field format_version is missing or not a positive number")
    if version > FORMAT_VERSION:
        newest = f"this one reads up to {FORMAT_VERSION}"
        raise RunError(f"{path}: written by a newer hetmusic (run format {version}; {newest})")


def _first_problem(problem: ValidationError) -> str:
    first = problem.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    hint = ""
    if first["type"] == "extra_forbidden":
        hint = did_you_mean(
            str(first["loc"][-1]),
            [*RunInfo.model_fields, *GraphPointer.model_fields, *PluginRecord.model_fields],
        )
    return f"field {field}: {first['msg']}{hint}"
