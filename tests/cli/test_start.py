"""What starts, what is imported, and how errors are said."""

import resource
import sys

import pytest
from toykit import cli

from affectzoo.cli import VERBS, main

HEAVY = ("torch", "pandas", "matplotlib", "numpy", "lightning", "hydra", "librosa")
REPORT = f"print(' '.join(m for m in {HEAVY} if m in sys.modules))"


def seconds_of(code, *args):
    """Processor seconds of a process (the wall clock of a busy machine says little), and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = cli(*args, code=code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.returncode == 0, result.stderr
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, result.stdout


@pytest.mark.parametrize(
    "module",
    ["affectzoo", "affectzoo.labels.space", "affectzoo.plugins", "affectzoo.cli", "affectzoo.zoo.catalogue"],
)
def test_imports_are_light(module):
    seconds, out = seconds_of(f"import sys, {module}; {REPORT}")
    assert out.split() == [] and seconds < 1


@pytest.mark.parametrize(
    "args", [("--help",), ("list",), ("list", "--help"), ("predict", "--help"), ("info", "--help")]
)
def test_help_and_list_are_quick(args):
    code = f"import sys; from affectzoo.cli import main\ntry: main()\nfinally: {REPORT}"
    seconds, out = seconds_of(code, *args)
    assert out.splitlines()[-1] == "" and seconds < 1


def test_help_names_every_verb_also_those_of_plugins(toy, capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {v} " in out for v in VERBS) and "greet        say hello" in out


def test_version(capsys):
    assert main(["--version"]) == 0 and capsys.readouterr().out.startswith("affectzoo ")


def test_a_plugins_verb_runs_and_its_code_is_returned(toy, capsys):
    assert main(["greet", "you"]) == 3 and capsys.readouterr().out == "hello you\n"


def test_only_the_verb_that_is_used_is_imported(toy, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("affectzoo.commands.")]:
        monkeypatch.delitem(sys.modules, name)
    main(["list", "toy/*"])
    assert [n for n in sys.modules if n.startswith("affectzoo.commands.")] == ["affectzoo.commands.list"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["predct"], "unknown command 'predct'. Did you mean 'predict'"),
        (["gret"], "Did you mean 'greet'"),
        (["list", "--family", "tay"], "unknown family 'tay'. Did you mean 'toy'"),
        (["info", "toy/meen"], "'toy/mean'"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_exit_2(toy, capsys, args, message):
    assert main(args) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("affectzoo: error: ") and captured.err.count("\n") == 1 and message in captured.err
    assert captured.out == ""


def test_debug_shows_the_traceback():
    plain, debug = cli("predct"), cli("predct", env={"AFFECTZOO_DEBUG": "1"})
    assert plain.returncode == 2 and "Traceback" not in plain.stderr
    assert debug.returncode != 0 and "Traceback" in debug.stderr and "UnknownNameError" in debug.stderr


def test_a_verb_outside_the_plugins_packages_is_refused(toy, capsys):
    manifest = toy / "toyzoo" / "plugin.yaml"
    manifest.write_text(manifest.read_text().replace("toyzoo.greet", "os.path"))
    assert main(["greet", "you"]) == 2 and "outside the plug-ins" in capsys.readouterr().err
