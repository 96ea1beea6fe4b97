"""A stranger's plug-in for the tests: pulses, two tiny models, a reader and a verb."""
