"""``hetmusic encoders``, ``hetmusic check`` and ``hetmusic fit --explain-model``."""

from __future__ import annotations

import re

import pytest

from hetmusic.relations import relation_encoders
from tests.cli.running import hetmusic
from tests.packages import ENCODER

BROKEN = ENCODER.replace("src.h * torch.exp", "torch.rand(1) * src.h * torch.exp")
IN_PLACE = ENCODER.replace('edge["weight"])', 'edge["weight"].mul_(2))')
FAILS = ENCODER.replace('edge["weight"])', "src.feat)")
IN_THE_CALL = ENCODER.replace("return src.h", "return torch.nn.Linear(8, 8)(src.h)")


class TestList:
    def test_every_encoder_has_its_arguments_and_a_line(self):
        out = hetmusic("encoders").succeeded().out
        for name in relation_encoders.classes:
            assert re.search(rf"^{name} +\S.*", out, re.MULTILINE), name
        assert "heads: int = 4" in out
        assert "weight: 'none' | 'linear' | 'sqrt' | 'log' = 'none'" in out
        assert "dim:" not in out

    def test_encoders_of_other_packages_are_listed(self, install):
        name = install(points={"hetmusic.relation_encoders": {"decay-listed": "Decay"}})
        out = hetmusic("encoders").succeeded().out
        assert f"Old listens count less.  [{name.replace('_', '-')} 1.2]" in out
        assert "rate: float = 0.1" in out

    def test_a_package_that_cannot_be_imported_does_not_hide_the_others(self, install):
        install("1 / 0\n", points={"hetmusic.relation_encoders": {"broken-listed": "Decay"}})
        out = hetmusic("encoders").succeeded().out
        assert "cannot be used: relation encoder 'broken-listed' cannot be imported: ZeroDivisionError" in out
        assert "lightgcn" in out


class TestShow:
    def test_signature_text_and_example(self):
        out = hetmusic("encoders", "show", "gat").succeeded().out
        assert out.startswith("gat(heads: int = 4, negative_slope: float = 0.2)\n")
        assert "hetmusic.relations.encoders.gat:GATEncoder" in out
        assert "Graph Attention Networks" in out
        assert re.search(r"^heads +int +4 +number of attention heads\.$", out, re.MULTILINE)
        assert '[relations.liked_by]\nencoder = "gat"\nheads = 4\n' in out
        assert "--set relations.liked_by.encoder=gat --set relations.liked_by.heads=4" in out

    def test_a_class_of_ones_own(self, install):
        name = install()
        out = hetmusic("encoders", "show", f"{name}:Decay").succeeded().out
        assert f"{name}:Decay(rate: float = 0.1)" in out
        assert "of forgetting, a day." in out

    def test_a_convolution_of_dgl(self):
        out = hetmusic("encoders", "show", "dgl.nn.pytorch:GATv2Conv").succeeded().out
        table = out.partition("---\n")[2].partition("\n\n")[0].splitlines()
        # every argument has a type, and all that DGL or hetmusic describe a meaning
        for row in table:
            assert re.fullmatch(r"\w+  +\S.*?  +\S+  +\S.*", row), row
        assert re.search(
            r"^num_heads +int +required +Number of heads in Multi-Head Attention", out, re.MULTILINE
        )
        assert re.search(r"^edge_scale .* scale on which edge weights", out, re.MULTILINE)
        # what cannot be left out is in the example, and DGL's own examples are not
        assert out.rstrip().endswith(
            "--set relations.liked_by.encoder=dgl.nn.pytorch:GATv2Conv --set relations.liked_by.num_heads=NUM_HEADS"
        )
        assert ">>>" not in out

    def test_the_command_that_it_suggests_runs(self, graph):
        out = hetmusic("encoders", "show", "dgl.nn.pytorch:GATv2Conv").succeeded().out
        words = out.splitlines()[-1].replace("GRAPH", str(graph)).replace("NUM_HEADS", "2").split()
        hetmusic(*words[1:], "--set", "model.dim=8", "--explain-model").succeeded()

    def test_unknown(self):
        assert (
            "no relation encoder is called 'gatt' (did you mean 'gat'?)"
            in hetmusic("encoders", "show", "gatt").error
        )


class TestCheck:
    def test_a_right_encoder(self, install):
        name = install()
        done = hetmusic("check", f"{name}:Decay", "--set", "rate=0.2").succeeded()
        lines = done.out.splitlines()
        assert lines[0] == "ok       output shape"
        assert not [line for line in lines if line.startswith("FAILED")]
        assert "x the built-in mean" in lines[-1]

    def test_a_broken_one(self, install):
        name = install(BROKEN)
        done = hetmusic("check", f"{name}:Decay")
        assert done.status == 1
        assert "FAILED   deterministic" in done.out
        assert "The contract: the same torch seed gives the same result" in done.out
        assert "built-in mean" not in done.out
        assert re.search(r"breaks \d+ of \d+ points of its contract: .*deterministic", done.error)

    @pytest.mark.parametrize(
        ("code", "said", "traced"),
        [
            (FAILS, "AttributeError: 'EdgeEnds' object has no attribute 'feat'", True),
            (ENCODER.replace("[:, None]", ""), 'such as edge["weight"], becomes a column by [:, None]', True),
            (IN_PLACE, "changed edge['weight'] in place", False),
            (
                IN_THE_CALL,
                "computes with Linear.weight of shape (8, 8) that the optimiser does not know",
                False,
            ),
            (
                ENCODER.replace("return src.h * ", "return "),
                "message() returned (12, 1), expected (12, 8)",
                False,
            ),
        ],
    )
    def test_what_fails_in_every_call_is_said_once(self, install, code, said, traced):
        name = install(code)
        done = hetmusic("check", f"{name}:Decay")
        assert (done.status, done.out) == (1, "")
        *trace, last = done.err.splitlines()
        assert last.startswith("error: relation encoder Decay of song__liked_by__user (layer 1)")
        assert said in last
        assert len(trace) == 0 or trace[0] == "Traceback (most recent call last):"
        assert bool(trace) == traced
        assert not traced or f'{name}.py", line' in trace[1], "it begins with a line of one's own"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["lightgc"], "no relation encoder is called 'lightgc' (did you mean 'lightgcn'?)"),
            (["gat", "--set", "head=2"], "has no argument 'head' (did you mean 'heads'?)"),
            (["gat", "--set", "heads=3"], "cannot split dim 8 into 3 heads"),
            (["tests.blocks:tiny_block"], "is not a relation encoder: it is a function, not a class"),
            (["torch.nn:Linear"], "is not a relation encoder"),
            (["tests/packages.py:Decay"], "write 'tests.packages:Decay'"),
            ([":Decay"], "the module is missing"),
        ],
    )
    def test_mistakes(self, arguments, message):
        assert message in hetmusic("check", *arguments).error

    def test_an_error_on_import_shows_the_traceback(self, install):
        name = install("import not_there_at_all\n")
        done = hetmusic("check", f"{name}:Decay")
        assert done.status == 1
        assert "Traceback (most recent call last):" in done.err
        assert f'{name}.py", line 1' in done.err

    def test_modules_of_the_working_directory_are_found(self, tmp_path, monkeypatch):
        (tmp_path / "encoder_of_this_folder.py").write_text(ENCODER)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("sys.path", [entry for entry in __import__("sys").path if entry])
        hetmusic("check", "encoder_of_this_folder:Decay", "--no-cost").succeeded()


class TestExplain:
    def test_towers_layers_relations(self, graph, tmp_path):
        (tmp_path / "c.toml").write_text(
            "[model]\ndim = 8\nmodalities = []\n[relations.liked_by]\nencoder = 'sage'\nshare = 'layers'\n"
            "[relations.friends]\nuse = false\n[towers.ids]\ncombine = 'attention'\n"
        )
        out = hetmusic("fit", graph, "--config", tmp_path / "c.toml", "--explain-model").succeeded().out
        assert re.search(r"^tower +layer +relation +encoder +parameters +note$", out, re.MULTILINE)
        # 2 x 8 x 8 + 8, counted in the layer that comes first
        assert re.search(r"^ids +1 +song -liked_by-> user +sage +136$", out, re.MULTILINE)
        assert re.search(
            r"^ids +2 +song -liked_by-> user +sage +0 +shares weights with one above$", out, re.MULTILINE
        )
        assert re.search(r"^user -friends-> user +use = false$", out, re.MULTILINE)
        assert re.search(
            r"^user -likes-> song +there is no \[relations.likes\]; its opposite, liked_by, is used$",
            out,
            re.M,
        )
        assert not (tmp_path / "run").exists()

    def test_the_parameters_add_up(self, graph):
        out = hetmusic("fit", graph, "--set", "model.dim=8", "--explain-model").succeeded().out
        total = int(re.search(r"^([\d,]+) parameters in all$", out, re.MULTILINE)[1].replace(",", ""))
        rows = out.partition("combiners")[2].partition("\n\n")[0].splitlines()[2:]
        towers = [int(row.split()[-1].replace(",", "")) for row in rows]
        weights = len(towers)  # of the head
        assert sum(towers) + weights == total

    def test_what_is_never_run_or_silent_is_said(self, graph):
        chosen = ["relations.likes.encoder=mean", "relations.has_genre.encoder=mean", "model.num_layers=1"]
        options = [part for override in chosen for part in ("--set", override)]
        out = hetmusic("fit", graph, *options, "--explain-model").succeeded().out
        assert re.search(
            r"-has_genre-> genre .*not run: nothing that is scored depends on it$", out, re.MULTILINE
        )
        assert re.search(r"user -likes-> song .*silent: users have no representation yet$", out, re.MULTILINE)

    def test_mistakes(self, graph):
        done = hetmusic("fit", graph, "--set", "relations.liked_by.weigth=log", "--explain-model")
        assert "has no argument 'weigth' (did you mean 'weight'?)" in done.error
        done = hetmusic("fit", graph, "--set", "relations.likedby.rate=3", "--explain-model")
        said = "error: relations.likedby: unknown relation 'likedby' (did you mean 'liked_by'?)"
        assert done.error == said
        assert "give a GRAPH and --out RUN" in hetmusic("fit", "--explain-model").err
