import pytest

from .tiny import tiny_exam


@pytest.fixture
def exam():
    """The exam of the eight clips."""
    return tiny_exam()
