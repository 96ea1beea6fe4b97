from toykit import shipped, toy  # noqa: F401
