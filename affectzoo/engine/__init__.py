"""Training: losses, task, runs, folds, artefacts."""
