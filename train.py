"""Train a model: `python train.py experiment=speech/ravdess_6fold model.width=32` (Hydra; see configs/)."""

from affectzoo.engine.main import main

if __name__ == "__main__":
    main()
