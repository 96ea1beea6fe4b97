"""Models of this family; one file a model, registered by its YAML in configs/model/face."""
