"""What an AST says about safety and about behaviour that hangs on a name. Each function yields (line, fault)."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "affectzoo"
#: Modules that can run what they read.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
CALLS = {
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.load_all",
    "os.system",
    "os.popen",
}
BUILTINS = {"eval", "exec", "compile", "__import__"}
#: Keyword -> the value that is never given.
KEYWORDS = {"allow_pickle": True, "trust_remote_code": True, "shell": True, "weights_only": False}
#: Variables and attributes that hold a model's or checkpoint's name.
NAMES = {"name", "arch", "model_name", "checkpoint", "tag", "variant"}
TESTS = {"startswith", "endswith", "find", "index", "count", "partition", "rpartition", "split", "rsplit"}


def sources(*folders: str) -> list[Path]:
    """Python files below these folders of the package (all without any)."""
    return sorted(p for f in folders or (".",) for p in (PACKAGE / f).rglob("*.py"))


def dotted(node: ast.AST) -> str:
    """'torch.load' of the expression torch.load; '' for anything that is not a chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def unsafe(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Imports and calls that could run foreign code."""
    alias = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            alias |= {
                a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in node.names
            }
            yield from ((node.lineno, f"import {a.name}") for a in node.names if a.name.split(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            alias |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
            if node.module.split(".")[0] in MODULES:
                yield node.lineno, f"from {node.module} import"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from ((node.lineno, fault) for fault in _faults_of_call(node, alias))


def _faults_of_call(node: ast.Call, alias: dict[str, str]) -> Iterator[str]:
    first, _, rest = dotted(node.func).partition(".")
    name = ".".join(filter(None, (alias.get(first, first), rest)))
    given = {k.arg: k.value for k in node.keywords if k.arg}
    if name in CALLS or name in BUILTINS:
        yield f"{name}()"
    for key, value in given.items():
        if key in KEYWORDS and not (isinstance(value, ast.Constant) and value.value != KEYWORDS[key]):
            yield f"{key}={ast.unparse(value)}"
    if name == "numpy.load" and "allow_pickle" not in given:
        yield "numpy.load() without allow_pickle=False"
    if "ckpt_path" in given and "weights_only" not in given:
        yield "ckpt_path= without weights_only=True"


def by_name(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Substring tests of a model's name, and the function around each: `"cnn" in name`, `arch.startswith(...)`."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        for node in ast.walk(function):
            if _looks_into(node) in NAMES:
                yield node.lineno, f"{function.name}: {ast.unparse(node)}"


def _looks_into(node: ast.AST) -> str:
    """The variable that an expression searches for text; '' when it does not."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        return _last(node.comparators[0]) if text else ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TESTS:
        return _last(node.func.value)
    return ""


def _last(node: ast.AST) -> str:
    """'arch' of self.info.arch and of arch.lower()."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return _last(node.func.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
