"""Real foreign weights in tests: taken from the machine's own cache into the tests' cache, else the test skips."""

import pytest

from affectzoo.plugins import cache_folder

#: Read before any fixture points AFFECTZOO_CACHE elsewhere.
_HOME = cache_folder()


def need_weights(*names: str) -> None:
    """Skip the test, and say why, unless these weights lie in the user's cache; else put them into the test's."""
    from affectzoo.zoo.foreign import add_weights, weights_entry

    for name in names:
        entry = weights_entry(name)
        if entry.path.is_file():
            continue
        home = _HOME / entry.path.relative_to(cache_folder())
        if not home.is_file():
            pytest.skip(f"real weights: `affectzoo weights add` {entry.file} first")
        add_weights(home)


def need_litert(*names: str) -> None:
    """As need_weights, and the LiteRT runtime (extra 'face') must be there."""
    pytest.importorskip("ai_edge_litert", reason="the LiteRT runtime: install the extra 'face'")
    need_weights(*names)
