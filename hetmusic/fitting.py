"""``fit``: from a graph and a configuration to a finished run folder."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from hetmusic import run_layout as layout
from hetmusic._io import locked, replacing_file, replacing_folder, with_parents, write_json
from hetmusic._toml import merge, read_toml
from hetmusic._version import __version__
from hetmusic.errors import ConfigError, RunError, UserError
from hetmusic.evaluation import evaluate
from hetmusic.graph import MusicGraph
from hetmusic.graph.format import modality_files
from hetmusic.graph.leakage import check_leakage
from hetmusic.graph.splits import Split
from hetmusic.graph.view import TrainingView
from hetmusic.models import MMGNN, final_embeddings
from hetmusic.models.explain import Structure, explain
from hetmusic.models.spectral import start_spectrally
from hetmusic.ranking import EmbeddingScorer
from hetmusic.recommend.reencode import check_features, unread_modalities
from hetmusic.recommend.run import Run
from hetmusic.recommend.writer import save_embeddings, save_emotions, save_ids
from hetmusic.training.checkpoint import load_weights
from hetmusic.training.config import FitConfig
from hetmusic.training.events import TrainingObserver
from hetmusic.training.load_config import dump_toml, make_config
from hetmusic.training.make_split import make_split
from hetmusic.training.memory import keep_freed_memory
from hetmusic.training.memory_plan import MemoryPlan, plan_memory, resident_bytes
from hetmusic.training.plugins import check_plugins, record_plugins, require_plugins
from hetmusic.training.processes import Processes, together
from hetmusic.training.tensors import GraphTensors, graph_schema
from hetmusic.training.trainer import Trainer
from hetmusic.training.validation import validation_users

logger = logging.getLogger(__name__)


def fit(
    graph: MusicGraph,
    config: FitConfig,
    out: Path | str,
    observers: Sequence[TrainingObserver] = (),
    overwrite: bool = False,
    split: Split | None = None,
) -> Run:
    """Train a model and write a run folder.

    :param graph: the graph to train on.
    :param config: the complete configuration.
    :param out: the run folder to write; it must not exist unless ``overwrite``.
    :param observers: told about progress.
    :param split: the division of the graph's interactions; None makes the one that ``config.split`` describes.
    :return: the finished run.
    :raises UserError: for whatever in graph, split or configuration cannot be used, before anything is written; for what
        fails before the first epoch is over, nothing is left behind. An interrupted run can be resumed.

    Processes that torchrun has started train together; the first of them writes.
    """
    if not (isinstance(graph, MusicGraph) and isinstance(config, FitConfig)):
        raise TypeError(
            f"fit takes a MusicGraph (MusicGraph.open(folder)) and a FitConfig (load_config()), not {type(graph).__name__} "
            f"and {type(config).__name__}"
        )
    with together(config.training.device) as processes:
        if processes.first:
            _check_place(Path(out), overwrite)
        run = _fit(graph, config, Path(out), observers, overwrite, split, processes)
    return run


def _check_place(out: Path, overwrite: bool) -> None:
    """Refuse a run folder that must not be written."""
    if out.exists() and not overwrite:
        raise RunError(
            f"{out} already exists; choose another --out, pass --overwrite, or go on with --resume {out}"
        )
    if out.exists():
        layout.RunInfo.load(out)  # --overwrite replaces a run, never a folder of something else
        with locked(out):  # nor one that is still being trained
            pass


def _fit(
    graph: MusicGraph,
    config: FitConfig,
    out: Path,
    observers: Sequence[TrainingObserver],
    overwrite: bool,
    split: Split | None,
    processes: Processes,
) -> Run:
    check_plugins(config, graph)
    split = make_split(graph, config.split) if split is None else split
    model, tensors = _prepare(graph, split, config)
    # "all" and "auto" mean what the graph has now; more may be added before the run is resumed
    modalities = [name for name in model.item_towers if name in model.schema.modalities]
    settled = {"modalities": modalities, "emotion": model.emotion is not None}
    config = config.model_copy(update={"model": config.model.model_copy(update=settled)})
    trainer = Trainer(model, tensors, split, config, out, observers, processes)
    if processes.from_first(out.exists):
        trainer.try_out()  # a mistake in a plug-in must not cost the old run
        processes.wait()  # nor one that another process alone has met
    if not processes.first:
        return _follow(trainer, out)
    with with_parents(out):
        with replacing_folder(out, overwrite=overwrite) as started:
            _write_start(graph, split, config, model.modalities_read, started)
        with locked(out):
            try:
                return _train(trainer, graph, split, out)
            except Exception:
                if not trainer.state.exists:  # nothing has been trained that could be gone on with
                    shutil.rmtree(out, ignore_errors=True)
                raise


def plan(graph: MusicGraph, config: FitConfig, split: Split | None = None) -> MemoryPlan:
    """The memory that :func:`fit` would take, without training and without writing anything.

    The graph is read and the model made, so this takes as long as the start of a fit. It is planned for a CPU: training on
    a GPU needs the same parts, of which parameters, moments, averages and steps, and features as a rule, are there.
    """
    settings = config.training.model_copy(update={"device": "cpu"})
    config = config.model_copy(update={"training": settings})
    before = resident_bytes()
    split = make_split(graph, config.split) if split is None else split
    model, tensors = _prepare(graph, split, config)
    return plan_memory(Trainer(model, tensors, split, config, Path(os.devnull)), before)


def resume(
    folder: Path | str,
    observers: Sequence[TrainingObserver] = (),
    epochs: int | None = None,
    device: str | None = None,
) -> Run:
    """Go on with a run that was interrupted, or train a finished one for more epochs.

    N epochs, a stop and M more give the weights of N + M epochs, to the last bit on a CPU with the same number of
    threads.

    :param folder: the run folder.
    :param epochs: new number of epochs in all; None keeps that of the run.
    :param device: where to go on; None keeps ``training.device`` of the run. The state is the same on any, what follows is
        so up to rounding.
    :raises RunError: if the folder is not a run, or its graph has gone or changed.
    """
    folder = Path(folder)
    info = layout.RunInfo.load(folder)
    path = folder / layout.CONFIG_FILE
    values = read_toml(path)
    changes = {"epochs": epochs, "device": device}
    values = merge(values, {"training": {k: v for k, v in changes.items() if v is not None}})
    config = make_config(values, source=str(path))
    with together(config.training.device) as processes, locked(folder) if processes.first else nullcontext():
        run = _resume(folder, info, config, observers, processes)
    return run


def _resume(
    folder: Path,
    info: layout.RunInfo,
    config: FitConfig,
    observers: Sequence[TrainingObserver],
    processes: Processes,
) -> Run:
    require_plugins(folder, info)
    graph = Run(folder, info).graph
    check_features(graph, info)
    split = Split.load(folder / layout.SPLIT_FOLDER, graph)
    ignore = unread_modalities(graph, info) if config.model.emotion else ()
    model, tensors = _prepare(graph, split, config, ignore)
    trainer = Trainer(model, tensors, split, config, folder, observers, processes)
    trainer.resume()
    processes.wait()  # all have read what the first will write again
    if trainer.epoch > config.training.epochs:
        raise ConfigError(
            f"{folder} has already been trained for {trainer.epoch} epochs; --epochs is the number in all, so it cannot "
            f"be {config.training.epochs}"
        )
    if not processes.first:
        return _follow(trainer, folder)
    _write_text(folder / layout.CONFIG_FILE, dump_toml(config))
    info.with_status("running").save(folder)
    return _train(trainer, graph, split, folder)


def build_model(
    graph: MusicGraph, split: Split, config: FitConfig, ignore: Collection[str] = ()
) -> tuple[MMGNN, TrainingView]:
    """The untrained model of a configuration, and the training view it is meant for.

    :param ignore: modalities of the graph that are not looked at.
    """
    view = TrainingView(graph, split)
    schema = graph_schema(view, config.training.candidates, ignore=ignore)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = MMGNN(schema, config.model, config.relations, config.towers)
        if config.model.initialisation == "spectral":
            start_spectrally(model, split.train, view.relations(), config.seed)
    return model, view


def explain_fit(graph: MusicGraph, config: FitConfig) -> Structure:
    """What a configuration makes of a graph: encoders by tower, layer and relation; nothing is trained.

    :raises UserError: as :func:`fit`.
    """
    check_plugins(config, graph)
    model, _ = build_model(graph, make_split(graph, config.split), config)
    return explain(model)


def _prepare(
    graph: MusicGraph, split: Split, config: FitConfig, ignore: Collection[str] = ()
) -> tuple[MMGNN, GraphTensors]:
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    keep_freed_memory()
    model, view = build_model(graph, split, config, ignore)
    leaks = check_leakage(view, graph, split)
    if not leaks.clean:
        raise UserError(f"the training graph gives held-out pairs away: {leaks}")
    _report_unused(model, graph)
    return model, GraphTensors.from_view(view, model.edge_types)


def _feature_files(graph: MusicGraph, modalities: Sequence[str]) -> dict[str, str]:
    """Checksums of the values and presence masks of some modalities of the items."""
    files = (path for name in modalities for path in modality_files(graph.item_type, name)[:2])
    return {path: graph.meta.files[path] for path in files}


def _report_unused(model: MMGNN, graph: MusicGraph) -> None:
    """Warn about relations that carry messages in neither direction; list single directions for the curious."""
    directions = ", ".join(str(edge_type) for edge_type in model.unused_edge_types)
    logger.info("directions not used by the model: %s", directions or "none")
    used = {edge_type.relation for edge_type in model.edge_types}
    used |= set() if model.emotion is None else {"evokes"}
    unused = [name for name, info in graph.meta.relations.items() if used.isdisjoint({name, info.inverse})]
    if unused:
        logger.warning(
            "relations of the graph that the model does not use: %s (add [relations.NAME] to the configuration)",
            ", ".join(unused),
        )


def _train(trainer: Trainer, graph: MusicGraph, split: Split, out: Path) -> Run:
    info = layout.RunInfo.load(out)
    try:
        for observer in trainer.observers:
            observer.on_run(out, read_toml(out / layout.CONFIG_FILE))
        trainer.fit()
    except BaseException:
        info.with_status("interrupted").save(out)
        raise
    load_weights(out / layout.BEST_WEIGHTS_FILE, trainer.model)
    users, items = final_embeddings(trainer.model, trainer.full_blocks(), out)
    save_embeddings(out, users.numpy(), items.numpy())
    emotions = trainer.model.schema.emotions
    if emotions is not None and emotions.known.any():
        save_emotions(out, emotions.points, emotions.known)
    judged = validation_users(split, trainer.config)
    scorer = EmbeddingScorer(users.numpy(), items.numpy())
    found = evaluate(scorer, split, part="valid", users=judged, device=str(trainer.device))
    write_json(
        out / layout.METRICS_FILE,
        {"part": "valid", "values": found.values, "best_epoch": trainer.stopping.best_epoch},
    )
    info.with_status("finished").save(out)
    for observer in trainer.observers:
        observer.on_result(found.values)
    trainer.processes.wait()
    return Run.open(out)


def _follow(trainer: Trainer, out: Path) -> Run:
    """Train along with the process that writes."""
    trainer.fit()
    trainer.processes.wait()  # until the run is there
    return Run.open(out)


def _write_start(
    graph: MusicGraph, split: Split, config: FitConfig, modalities: Sequence[str], out: Path
) -> None:
    _write_text(out / layout.CONFIG_FILE, dump_toml(config))
    split.save(out / layout.SPLIT_FOLDER)
    users, items = ((graph.keys(t), graph.names(t)) for t in (graph.user_type, graph.item_type))
    save_ids(out, users, items)
    layout.RunInfo(
        hetmusic=__version__,
        status="running",
        graph=layout.GraphPointer(
            path=str(graph.path.resolve()),
            checksum=graph.checksum,
            features=_feature_files(graph, modalities),
            relative=os.path.relpath(graph.path.resolve(), out.resolve()),
        ),
        item_type=graph.item_type,
        num_users=graph.num_nodes(graph.user_type),
        num_items=graph.num_nodes(graph.item_type),
        plugins=record_plugins(config),
    ).save(out)


def _write_text(path: Path, text: str) -> None:
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
