"""``anes doctor`` on models that are folders of weights: nothing is started."""

from pathlib import Path

CONFIG = """
bench: bench@dev
models:
  - {{model: sft, endpoints: ["transformers:{folder}"]}}
"""


def test_doctor_says_what_a_folder_of_weights_lacks(anes, tmp_path: Path) -> None:
    folder, config = tmp_path / "models" / "sft", tmp_path / "evaluation.yaml"
    folder.mkdir(parents=True)
    config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
    done = anes("doctor", "--config", config, "--root", tmp_path, "--json")
    found = [check["found"] for check in done.json if check["name"] == "models" and check["ok"] is False]
    assert done.code == 1
    assert found == ["transformers:models/sft is no folder of a model: it has no config.json"]
