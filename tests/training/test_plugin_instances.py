"""Ready objects as plug-ins: what stands beside one would change nothing."""

from __future__ import annotations

import pytest

from hetmusic.errors import ConfigError
from hetmusic.experiments.models import check_model, with_implied
from hetmusic.models import RelationConfig
from hetmusic.training import make_config
from hetmusic.training.plugins import check_plugins
from tests.training.plugins import Last, Scaled, Sharper, config


class TestInstancesTakeNoArguments:
    """What stands beside a ready object would be written down and change nothing."""

    SAID = r"a ready Scaled object, which rate=0.3 beside it would not change: make it with rate=0.3, or give the class"

    def test_in_a_table(self):
        with pytest.raises(ConfigError, match=self.SAID):
            RelationConfig(encoder=Scaled(8), rate=0.3)
        with pytest.raises(ConfigError, match=f"a dictionary: .*{self.SAID}"):
            make_config({"relations": {"liked_by": {"encoder": Scaled(8), "rate": 0.3}}}, "a dictionary")
        assert RelationConfig(encoder=Scaled(8), share="all", fanout=3).share == "all"

    def test_added_later(self):
        chosen = config()
        chosen.relations["liked_by"] = RelationConfig(encoder=Scaled(8))
        chosen.relations["liked_by"].rate = 0.3
        with pytest.raises(
            ConfigError, match=r"relations.liked_by: .*Scaled is a ready object, so it takes no 'rate'"
        ):
            check_plugins(chosen)

    def test_in_the_table_of_a_tower(self):
        chosen = config("towers.ids.relations.liked_by.rate=0.3")
        chosen.relations["liked_by"] = RelationConfig(encoder=Scaled(8))
        with pytest.raises(ConfigError, match=f"towers.ids.relations.liked_by: .*{self.SAID}"):
            check_plugins(chosen)

    def test_of_losses_and_combiners(self):
        chosen = config("training.loss_arguments.factor=2")
        chosen.training.loss = Sharper(3.0)
        with pytest.raises(
            ConfigError, match=r"training.loss: loss Sharper is a ready object, so it takes no 'factor'"
        ):
            check_plugins(chosen)
        chosen = config("model.combine_arguments.scale=2")
        chosen.model.combine = Last(8)
        with pytest.raises(
            ConfigError, match=r"model.combine: combiner Last is a ready object, so it takes no 'scale'"
        ):
            check_plugins(chosen)

    @pytest.mark.parametrize("nested", [True, False])
    def test_in_the_settings_of_a_comparison(self, nested):
        settings = {"relations.liked_by.encoder": Scaled(8, 0.2)}
        if nested:
            settings = {"relations": {"liked_by": {"encoder": Scaled(8, 0.2)}}}
        check_model("mmgnn", settings)
        assert with_implied("mmgnn", settings)["relations"]["liked_by"] == {
            "encoder": f"{Scaled.__module__}:Scaled",
            "rate": 0.2,
        }
        with pytest.raises(ConfigError, match=self.SAID):
            check_model("mmgnn", {**settings, "relations.liked_by.rate": 0.3})
