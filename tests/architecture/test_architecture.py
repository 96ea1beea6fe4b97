"""Sizes, safety, layers: what the shape of the code must be, whatever it does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from scan import PACKAGE, by_name, sources, unsafe

ROOT = PACKAGE.parent
FAMILIES = ("speech", "face", "eeg", "video")


def parsed(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_file_is_longer_than_400_lines():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text(encoding="utf-8").splitlines()) for p in sources()}
    assert len(lengths) > 80 and {p: n for p, n in lengths.items() if n > 400} == {}


def test_no_function_is_longer_than_60_lines():
    long = [
        f"{p.relative_to(ROOT)}:{n.lineno} {n.name}: {n.end_lineno - n.lineno + 1} lines"
        for p in sources()
        for n in ast.walk(parsed(p))
        if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.end_lineno - n.lineno >= 60
    ]
    assert long == []


def test_nothing_runs_what_it_reads():
    faults = [f"{p.relative_to(ROOT)}:{line}: {what}" for p in sources() for line, what in unsafe(parsed(p))]
    assert faults == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from joblib import load",
        "import torch as t\nt.load('x')",
        "from torch import load\nload('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x')",
        "import yaml\nyaml.load('x', yaml.Loader)",
        "eval('1')",
        "exec('1')",
        "model(trust_remote_code=True)",
        "f(allow_pickle=flag)",
        "trainer.fit(ckpt_path='x')",
        "trainer.fit(ckpt_path='x', weights_only=False)",
    ],
)
def test_the_scan_sees(code):
    assert list(unsafe(ast.parse(code)))


def test_the_scan_lets_pass():
    code = "import numpy as np\nnp.load('x', allow_pickle=False)\nmodel.eval()\nre.compile('x')\nyaml.safe_load('x')"
    assert list(unsafe(ast.parse(code))) == []


#: Function: reason why it may look into a name.
ALLOWED = {
    "refuse_paths": "refuses what is no name at all (a path, a hub id); no behaviour of a model hangs on it",
    "split_name": "takes 'family/name.tag' apart",
    "family": "'speech' of 'speech/logmel_cnn', for listing",
    "checkpoints": "the folder's name becomes the checkpoint's name",
    "research": "'-research' is how a checkpoint says that not everyone may use its weights",
    "_scores": "takes 'field/metric' apart, the name of a metric",
}


def test_no_behaviour_hangs_on_a_part_of_a_models_name():
    found = [
        (what.split(":")[0], f"{p.relative_to(ROOT)}:{line}: {what}")
        for p in sources("zoo", "inference", "engine")
        for line, what in by_name(parsed(p))
    ]
    assert [text for function, text in found if function not in ALLOWED] == []
    assert set(ALLOWED) <= {function for function, _ in found}, "an exception that nothing needs"


@pytest.mark.parametrize(
    "line", ["'cnn' in name", "self.info.arch.startswith('speech')", "'wav' not in cfg.arch.lower()"]
)
def test_the_name_scan_sees(line):
    assert list(by_name(ast.parse(f"def f():\n    return {line}")))


def test_layers_hold():
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_the_core_imports_no_family():
    core = "affectzoo.engine.run, affectzoo.testing, affectzoo.inference.run, affectzoo.leaderboard.evaluate"
    code = f"import sys, {core}; print(sorted(m for m in sys.modules if m.startswith({_prefixes()!r})))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert out.strip() == "[]"


def _prefixes() -> tuple[str, ...]:
    return tuple(f"affectzoo.{f}" for f in FAMILIES)


def test_the_core_does_not_name_a_family_in_its_code():
    """Strings too: `import_module("affectzoo.face.reader")` would pass the import check."""
    core = [p for p in sources() if p.relative_to(PACKAGE).parts[0] not in FAMILIES]
    named = [
        f"{p.relative_to(ROOT)}:{n.lineno}"
        for p in core
        for n in ast.walk(parsed(p))
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n.value.startswith(_prefixes())
    ]
    assert named == []


def test_data_about_data_is_no_package():
    assert not list((ROOT / "datasets").rglob("*.py")), "datasets/ would shadow the package of that name"
    assert not (ROOT / "configs" / "__init__.py").exists()
