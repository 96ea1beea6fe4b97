"""Every configuration file is composed and instantiated; unsafe mixes and foreign targets are refused."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from affectzoo.engine.config import check_launcher, check_targets, register
from affectzoo.errors import AffectZooError
from affectzoo.plugins import resource_files
from affectzoo.zoo.factory import build_model

CONFIGS = Path(__file__).parents[2] / "configs"
EXPERIMENTS = sorted(resource_files("configs", "experiment"))
GROUPS = {
    g: sorted(p.relative_to(CONFIGS / g).with_suffix("").as_posix() for p in (CONFIGS / g).rglob("*.yaml"))
    for g in (
        "data",
        "model",
        "trainer",
        "callbacks",
        "logger",
        "loss",
        "optimizer",
        "perturb",
        "pretrain",
        "ablation",
        "debug",
        "hparams_search",
    )
}


def composed(*overrides, tmp):
    register()
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose("train", overrides=[*overrides, f"run_dir={tmp}"])


def build(cfg):
    check_targets(cfg)
    data = instantiate(cfg.data)
    space = cfg.label_space or cfg.data.label_space
    model = build_model(OmegaConf.to_container(cfg.model, resolve=True), space)
    optimizer = instantiate(cfg.optimizer)([{"params": model.parameters()}])
    trainer = instantiate(
        OmegaConf.merge(cfg.trainer, {"accelerator": "cpu", "devices": 1, "strategy": "auto"}),
        callbacks=list(instantiate(cfg.callbacks).values()),
        logger=instantiate(cfg.logger),
    )
    return data, model, optimizer, instantiate(cfg.loss), trainer


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_instantiates(name, tmp_path):
    extra = ["init=null"] if "finetune" in name else []
    cfg = composed(f"experiment={name}", *extra, tmp=tmp_path)
    data, model, *_ = build(cfg)
    assert model.arch == cfg.model.card.name and data.card.name == cfg.data.dataset
    first = (CONFIGS / "experiment" / f"{name}.yaml").read_text().splitlines()
    assert any(line.startswith("# to execute:") and f"experiment={name}" in line for line in first[:3])


@pytest.mark.parametrize("group,name", [(g, n) for g, names in GROUPS.items() for n in names])
def test_every_group_file_composes(group, name, tmp_path):
    override = f"{group}={name}"
    if group == "data":
        cfg = composed(override, tmp=tmp_path)
        assert instantiate(cfg.data).card.name == cfg.data.dataset
    elif group == "model":
        cfg = composed(override, tmp=tmp_path)
        assert cfg.model.card.name == name
        build_model(OmegaConf.to_container(cfg.model), "ekman7+vad")
    elif group == "ablation":  # changes one setting of its experiment
        experiment = "experiment=speech/ravdess_ablation"
        plain, changed = composed(experiment, tmp=tmp_path), composed(experiment, override, tmp=tmp_path)
        build(changed)
        assert changed.tag == f"{name.replace('_', '-')}-research" and {*changed} == {*plain}
        differ = {k for k in plain if k != "tag" and plain[k] != changed[k]}
        assert len(differ) == (name != "full"), differ
    else:
        build(composed(override, tmp=tmp_path))


def hydra_cfg(mode, target):
    return OmegaConf.create({"mode": f"RunMode.{mode}", "launcher": {"_target_": target}})


BASIC, SLURM = (
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra_plugins.hydra_submitit_launcher.SlurmLauncher",
)


@pytest.mark.parametrize(
    "trainer,mode,launcher,refused",
    [
        ("ddp_cpu", "MULTIRUN", BASIC, True),
        ("ddp", "MULTIRUN", BASIC, True),
        ("cpu", "MULTIRUN", BASIC, False),
        ("ddp_cpu", "RUN", BASIC, False),
        ("ddp_cpu", "MULTIRUN", SLURM, False),
    ],
)
def test_unsafe_launcher_mix_is_refused(trainer, mode, launcher, refused, tmp_path):
    cfg = composed(f"trainer={trainer}", tmp=tmp_path)
    if not refused:
        return check_launcher(hydra_cfg(mode, launcher), cfg)
    with pytest.raises(AffectZooError, match="joblib.*ddp_spawn.*submitit"):
        check_launcher(hydra_cfg(mode, launcher), cfg)


def test_spawn_is_allowed_in_a_multirun(tmp_path):
    cfg = composed("trainer=ddp_cpu", "trainer.strategy=ddp_spawn", tmp=tmp_path)
    check_launcher(hydra_cfg("MULTIRUN", BASIC), cfg)


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "torch.load", "affectzoo_evil.x"])
def test_foreign_targets_are_refused(target, tmp_path):
    cfg = composed(f"optimizer._target_={target}", tmp=tmp_path)
    with pytest.raises(AffectZooError, match="optimizer._target_.*not allowed"):
        check_targets(cfg)
