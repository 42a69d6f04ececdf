"""Runs one cell in a process of its own: ``python -m hetmusic.experiments.worker``, told what to do on standard input.

The process that started it keeps standard input open; when that process ends, however it does, this one ends as well.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hetmusic._io import replacing_folder, write_json
from hetmusic._version import __version__
from hetmusic.errors import UserError
from hetmusic.evaluation import evaluate
from hetmusic.experiments.cells import CELL_FILE, Cell, CellFailure, Measured, complete_settings
from hetmusic.experiments.controls import ControlledGraph
from hetmusic.experiments.models import make_model
from hetmusic.graph import MusicGraph
from hetmusic.graph.splits import Split
from hetmusic.rivals import Problem


class Request(BaseModel):
    """What a worker is told."""

    cell: Cell
    #: graph folder, folder of the split, folder of the cell
    graph: Path
    split: Path
    out: Path
    #: where Python looks for modules: custom models lie where the parent found them
    sys_path: list[str] = []


def run_cell(request: Request) -> None:
    """Fit, validate, test once, and write the cell's folder.

    :raises UserError: if the model cannot be trained on this problem, or its settings are no longer those of the cell.
    """
    cell = request.cell
    if complete_settings(cell.model, cell.given) != cell.settings:
        raise UserError(
            f"the defaults or the preset of {cell.model} have changed since this was started; start it again"
        )
    graph = MusicGraph.open(request.graph)
    split = Split.load(request.split, graph)
    if cell.control is not None:
        graph = ControlledGraph(graph, [cell.control], cell.seed)
    problem = Problem(graph, split, cell.metric)
    model = make_model(cell.model, cell.given)
    _ = problem.train  # read before the clock starts
    base, cpu = _memory("VmRSS"), time.process_time()
    fitted = model.fit(problem, cell.seed)
    cpu, peak = time.process_time() - cpu, _memory("VmHWM")
    found = evaluate(fitted.scorer, split, part="test", mask=cell.mask, ks=cell.ks)
    measured = Measured(
        cell=cell,
        hetmusic=__version__,
        valid=fitted.valid,
        test=found.values,
        protocol=found.to_dict()["protocol"],
        seconds=fitted.seconds,
        cpu_seconds=cpu,
        peak_mb=peak,
        base_mb=base,
        gpu_mb=_gpu_memory(),
        info=fitted.info,
    )
    with replacing_folder(request.out, overwrite=True) as folder:
        found.save(folder)
        (folder / "metrics.json").unlink()
        write_json(folder / CELL_FILE, measured.model_dump(mode="json"))


def _memory(field: str) -> float | None:
    """Resident memory of this process in MB: ``VmRSS`` now, ``VmHWM`` at its largest."""
    # getrusage would count the parent's memory at the time of the fork
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    if field != "VmHWM":
        return None
    import resource  # not on Windows

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _gpu_memory() -> float | None:
    torch: Any = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return None
    return float(torch.cuda.max_memory_allocated()) / 2**20


def _end_with_parent() -> None:
    # not through sys.stdin, whose lock Python wants when it shuts down
    while os.read(0, 4096):
        pass
    os._exit(1)


def main() -> None:
    """Read a request, run it, and answer with one line of JSON: why there is no cell, or null."""
    # whatever a model prints goes to standard error; the answer alone to standard output
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = Request.model_validate_json(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.path[:] = request.sys_path
    try:
        run_cell(request)
    except UserError as problem:
        json.dump(asdict(CellFailure.of(problem)), answer)
    else:
        json.dump(None, answer)
    answer.close()


if __name__ == "__main__":
    main()
