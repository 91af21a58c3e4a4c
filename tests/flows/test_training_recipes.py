"""The ready configs of training: each parses and fits its machine, and the docs say what they are."""

import json
import re
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
import yaml

from anessuite.config import check_config, read_config
from anessuite.exports import export
from anessuite.storage import Store
from anessuite.training.architecture import Architecture
from anessuite.training.chains import prefixes
from anessuite.training.compute import (
    GENERATION_UTILISATION,
    PEAK_FLOPS,
    checkpoint_bytes,
    gpu_hours,
    grpo_flops,
    grpo_hours,
    kept_bytes,
    training_flops,
)
from anessuite.training.examples import read_examples
from anessuite.training.memory import GIB, LowRank, Memory, Step, training_bytes
from anessuite.training.recipes import FineTuning, GroupOptimization, TrainingSource, TrainingStage
from flows.evaluation import EvaluationConfig
from flows.morpheus import MorpheusConfig
from tests.training.made import solved, write_version

PROJECT = Path(__file__).parents[2]
DEPLOYMENTS = PROJECT / "deployments"
TRAINING = DEPLOYMENTS / "training"
DOCS = (PROJECT / "docs" / "training.md").read_text(encoding="utf-8")
ACCELERATE = ("fsdp.yaml", "zero3.yaml")
OTHER_TOOLS = ("llamafactory.sft.yaml", "verl.grpo.yaml")
MORPHEUS = sorted(
    [*DEPLOYMENTS.glob("morpheus*.yaml")]
    + [path for path in TRAINING.glob("*.yaml") if path.name not in (*ACCELERATE, *OTHER_TOOLS)]
)
ON_GPUS = [path for path in MORPHEUS if path.parent == TRAINING]

USABLE_GIB: Final = 79
"""Of a GPU of 80 GB, as PyTorch shows of an A100 or H100."""

# accelerate 1.15, commands/config/config_args.py: fields of ClusterConfig and what it inherits
CLUSTER_KEYS = {
    *("compute_environment", "distributed_type", "mixed_precision", "use_cpu", "debug"),
    *("num_processes", "machine_rank", "num_machines", "gpu_ids", "main_process_ip", "main_process_port"),
    *("rdzv_backend", "same_network", "main_training_function", "enable_cpu_affinity", "fp8_config"),
    *("deepspeed_config", "fsdp_config", "parallelism_config", "megatron_lm_config", "mpirun_config"),
    *("downcast_bf16", "tpu_name", "tpu_zone", "tpu_use_cluster", "tpu_use_sudo", "command_file"),
    *("commands", "tpu_vm", "tpu_env", "dynamo_config"),
}
# accelerate 1.15, commands/launch.py: an unknown key of these two sections is taken over and does nothing
FSDP_KEYS = {
    *("fsdp_version", "fsdp_offload_params", "fsdp_min_num_params", "fsdp_sharding_strategy"),
    *("fsdp_reshard_after_forward", "fsdp_auto_wrap_policy", "fsdp_transformer_layer_cls_to_wrap"),
    *("fsdp_backward_prefetch", "fsdp_state_dict_type", "fsdp_forward_prefetch", "fsdp_use_orig_params"),
    *("fsdp_cpu_ram_efficient_loading", "fsdp_sync_module_states", "fsdp_activation_checkpointing"),
    "fsdp_activation_checkpointing_offload",
}
DEEPSPEED_KEYS = {
    *("deepspeed_config_file", "zero_stage", "offload_optimizer_device", "offload_param_device"),
    *("offload_optimizer_nvme_path", "offload_param_nvme_path", "gradient_accumulation_steps"),
    *("gradient_clipping", "zero3_init_flag", "zero3_save_16bit_model", "deepspeed_hostfile"),
    *("deepspeed_exclusion_filter", "deepspeed_inclusion_filter", "deepspeed_multinode_launcher"),
    "deepspeed_moe_layer_cls_names",
}
# LLaMA-Factory 0.9.5: hparams/{model,data,training,finetuning}_args.py, and transformers' TrainingArguments
LLAMAFACTORY_KEYS = {
    *("model_name_or_path", "stage", "do_train", "finetuning_type", "dataset_dir", "dataset"),
    *("mix_strategy", "interleave_probs", "template", "cutoff_len", "val_size", "preprocessing_num_workers"),
    *("output_dir", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps"),
    *("learning_rate", "lr_scheduler_type", "warmup_steps", "bf16", "seed", "per_device_eval_batch_size"),
    *("eval_strategy", "eval_steps", "save_steps", "save_total_limit", "logging_steps", "plot_loss"),
    *("report_to", "deepspeed"),
}

# config.json of the models on the hub: layers, hidden, intermediate, heads, groups of keys and values
SHAPES = {
    "Qwen/Qwen2.5-7B-Instruct": (28, 3_584, 18_944, 28, 4),
    "Qwen/Qwen2.5-14B-Instruct": (48, 5_120, 13_824, 40, 8),
    "Qwen/Qwen2.5-32B-Instruct": (64, 5_120, 27_648, 40, 8),
}
WEIGHTS = {"7B": 7_615_616_512, "14B": 14_770_033_664, "32B": 32_763_876_352}
"""As the hub counts them."""


def read(path: Path) -> MorpheusConfig:
    return read_config(path, MorpheusConfig)


def plain(name: str) -> dict[str, Any]:
    found = yaml.safe_load((TRAINING / name).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def architecture(model: str) -> Architecture:
    layers, hidden, intermediate, heads, groups = SHAPES[model]
    return Architecture(
        *(layers, hidden, intermediate, heads, groups, hidden // heads, 152_064),
        is_tied=False,
        has_query_biases=True,
    )


def memory(model: str, stage: TrainingStage, devices: int, **changes: Any) -> Memory:
    if isinstance(stage, GroupOptimization):
        tokens, has_reference = stage.max_prompt + stage.max_reply, stage.beta > 0
    else:
        tokens, has_reference = stage.max_length, False  # type: ignore[attr-defined]
    adapter = stage.adapter and LowRank(stage.adapter.rank, stage.adapter.modules)
    told: dict[str, Any] = {
        "sequences": stage.per_device,
        "tokens": tokens,
        "precision": stage.precision,
        "trainable": adapter or 1.0,
        "gradient_checkpointing": stage.gradient_checkpointing,
        "devices": devices,
        "has_reference": has_reference,
    }
    return training_bytes(architecture(model), Step(**(told | changes)))


def vllm_gib(stage: TrainingStage) -> float:
    shared = stage.vllm if isinstance(stage, GroupOptimization) else None
    return USABLE_GIB * shared.memory if shared and shared.mode == "colocate" else 0.0


def table(first: str) -> list[dict[str, str]]:
    """The table of docs/training.md whose head begins with ``first``."""
    lines = DOCS[DOCS.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(head, row, strict=True)) for row in rows]


def number(cell: str) -> float:
    return float(cell.replace(",", "") or 0)


@pytest.mark.parametrize("path", MORPHEUS, ids=lambda path: path.name)
def test_each_config_parses_and_holds_rows_out(path: Path) -> None:
    config = read(path)
    assert config.held_out > 0
    assert config.used.keys() == config.stages.keys(), "a stage that no run takes"


@pytest.mark.parametrize("path", MORPHEUS, ids=lambda path: path.name)
def test_batches_are_whole_on_all_devices(path: Path) -> None:
    config = read(path)
    for stage in config.stages.values():
        assert stage.batch_size % (stage.per_device * config.launch.processes) == 0
        if isinstance(stage, GroupOptimization) and stage.vllm is not None:
            assert config.launch.processes % stage.vllm.devices == 0


def test_all_that_lies_there_is_tested() -> None:
    names = {path.name for path in TRAINING.iterdir()}
    assert names == {path.name for path in ON_GPUS} | {*ACCELERATE, *OTHER_TOOLS}
    assert len(MORPHEUS) >= 5


@pytest.mark.parametrize("name", ACCELERATE)
def test_accelerate_knows_every_key(name: str) -> None:
    config = plain(name)
    assert config.keys() <= CLUSTER_KEYS
    assert config.get("fsdp_config", {}).keys() <= FSDP_KEYS
    assert config.get("deepspeed_config", {}).keys() <= DEEPSPEED_KEYS
    assert config["mixed_precision"] == "bf16"


def test_shards_end_as_a_whole_model() -> None:
    fsdp, zero3 = (plain(name) for name in ACCELERATE)
    assert fsdp["distributed_type"] == "FSDP" and fsdp["fsdp_config"]["fsdp_version"] == 2
    assert fsdp["fsdp_config"]["fsdp_state_dict_type"] == "FULL_STATE_DICT"
    assert fsdp["fsdp_config"]["fsdp_reshard_after_forward"] is True
    assert zero3["distributed_type"] == "DEEPSPEED" and zero3["deepspeed_config"]["zero_stage"] == 3
    assert zero3["deepspeed_config"]["zero3_save_16bit_model"] is True


@pytest.mark.parametrize("path", ON_GPUS, ids=lambda path: path.name)
def test_the_launch_is_that_of_the_file_it_names(path: Path) -> None:
    config = read(path)
    assert config.launch.accelerate is not None and config.launch.accelerate.parts[:2] == (
        "deployments",
        "training",
    )
    there = yaml.safe_load((PROJECT / config.launch.accelerate).read_text(encoding="utf-8"))
    assert there["num_processes"] == config.launch.processes == 8
    for stage in config.stages.values():
        assert (stage.precision, stage.gradient_checkpointing) == ("bf16", True)


@pytest.mark.parametrize("path", ON_GPUS, ids=lambda path: path.name)
def test_each_stage_fits_gpus_of_80_gb_beside_vllm(path: Path) -> None:
    config = read(path)
    for name, stage in config.stages.items():
        needed = memory(config.base.path, stage, config.launch.processes).total / GIB
        assert needed + vllm_gib(stage) <= USABLE_GIB, name


def test_vllm_has_room_for_the_model_and_a_tenth_of_the_replies() -> None:
    for path in ON_GPUS:
        config = read(path)
        shape = architecture(config.base.path)
        for stage in config.stages.values():
            if isinstance(stage, GroupOptimization) and stage.vllm is not None:
                cached = 2 * 2 * shape.layers * shape.keys * (stage.max_prompt + stage.max_reply)
                at_once = stage.batch_size * stage.vllm.devices // config.launch.processes
                room = vllm_gib(stage) * GIB * stage.vllm.devices - 2 * shape.parameters
                assert room > cached * max(1, at_once // 10), path.name


def test_32b_takes_adapters_since_all_its_weights_do_not_fit() -> None:
    config = read(TRAINING / "qwen2.5-32b.yaml")
    for stage in config.stages.values():
        assert stage.adapter is not None
        whole = memory(config.base.path, stage, 8, trainable=1.0, sequences=1)
        assert whole.total / GIB > USABLE_GIB


def test_the_demo_runs_on_a_cpu_on_what_make_demo_leaves() -> None:
    config = read(DEPLOYMENTS / "morpheus.demo.yaml")
    assert config.launch.accelerate is None and config.launch.processes == 1
    assert config.examination is not None and config.examination.server == "transformers"
    assert config.examination.bench == ["bench@dev"]
    for stage in config.stages.values():
        assert [source.path for source in stage.data] == ["r1@dev"]
        assert (stage.precision, stage.gradient_checkpointing) == ("fp32", False)
        assert stage.per_device == stage.batch_size and (stage.max_steps or 99) <= 5
        assert not isinstance(stage, GroupOptimization) or stage.vllm is None
    smol = Architecture(30, 576, 1_536, 9, 3, 64, 49_152, is_tied=True)
    step = Step(sequences=4, tokens=544, precision="fp32", gradient_checkpointing=False, on_gpu=False)
    assert training_bytes(smol, step).total < 12 * GIB


def test_the_ablations_are_the_papers() -> None:
    config = read(TRAINING / "ablations.yaml")
    sft = {"sft-qa", "sft-general", "sft-both"}
    runs = {tuple(run) for run in config.runs}
    assert {run[-1] for run in runs if len(run) == 1} == sft | {"sft-r1"}
    assert {("pretraining", name) for name in sft} | {
        ("cold", "grpo"),
        ("pretraining", "cold", "grpo"),
    } < runs
    assert config.stages["pretraining"].mix == {"en": 1, "zh": 1}
    assert len(prefixes(config.chains)) == 12
    shown = read(TRAINING / "qwen2.5-7b.yaml")
    assert config.stages["grpo"] == shown.stages["grpo"]
    cold = config.stages["cold"].model_dump() | {"epochs": 1.0}
    assert FineTuning.model_validate(cold) == shown.stages["sft"]


def test_llamafactory_and_verl_are_given_what_our_exports_write(tmp_path: Path) -> None:
    ref = write_version(tmp_path, "r1@dev", pl.concat([solved(4, "en"), solved(4, "zh")]))
    store = Store(str(tmp_path))
    sft, grpo = (plain(name) for name in OTHER_TOOLS)
    export(store, ref, "llamafactory", Store(str(tmp_path / "l")))
    registered = json.loads((tmp_path / "l" / "dataset_info.json").read_bytes())
    assert sft["dataset"].split(",") == [*registered]
    export(store, ref, "verl", Store(str(tmp_path / "v")))
    for name in grpo["data"]["train_files"]:
        assert (tmp_path / "v" / Path(name).name).is_file()
    module = grpo["reward"]["custom_reward_function"]["path"].removeprefix("pkg://")
    assert (PROJECT / f"{module.replace('.', '/')}.py").is_file()


def test_other_tools_do_the_same_stages() -> None:
    ours = read(TRAINING / "qwen2.5-7b.yaml")
    cold, group = ours.stages["sft"], ours.stages["grpo"]
    assert isinstance(cold, FineTuning) and isinstance(group, GroupOptimization)
    sft, grpo = (plain(name) for name in OTHER_TOOLS)
    assert sft.keys() <= LLAMAFACTORY_KEYS
    assert sft["model_name_or_path"] == ours.base.path and sft["cutoff_len"] == cold.max_length
    batch = sft["per_device_train_batch_size"] * sft["gradient_accumulation_steps"] * 8
    assert (batch, sft["max_steps"], sft["learning_rate"]) == (32, cold.max_steps, cold.learning_rate)
    assert (cold.batch_size, sft["warmup_steps"]) == (batch, cold.warmup * (cold.max_steps or 0))
    data, actor, rollout = (
        grpo["data"],
        grpo["actor_rollout_ref"]["actor"],
        grpo["actor_rollout_ref"]["rollout"],
    )
    assert data["train_batch_size"] * rollout["n"] == group.batch_size and rollout["n"] == group.generations
    assert data["max_prompt_length"] == group.max_prompt and data["max_response_length"] == group.max_reply
    assert actor["optim"]["lr"] == group.learning_rate and actor["use_kl_loss"] is (group.beta > 0)
    assert grpo["trainer"]["total_training_steps"] == group.max_steps


@pytest.mark.parametrize("row", table("stage"), ids=lambda row: f"{row['stage']}, {row['trained']}")
def test_the_memory_in_the_docs_is_what_the_module_says(row: dict[str, str]) -> None:
    size, name = row["stage"].split()
    config = read(TRAINING / ("ablations.yaml" if name == "pretraining" else f"qwen2.5-{size.lower()}.yaml"))
    stage = config.stages[name]
    sequences, tokens = (int(number(part)) for part in row["sequences x tokens at once"].split(" x "))
    whole = {"trainable": 1.0, "sequences": sequences} if row["trained"] == "all weights" else {}
    found = memory(config.base.path, stage, 8, **whole)
    assert memory(config.base.path, stage, 8, tokens=tokens, **whole) == found
    assert row["trained"] in ("all weights", f"rank {stage.adapter.rank if stage.adapter else 0}")
    for part in ("weights", "gradients", "optimizer", "gathered", "activations", "logits", "runtime"):
        assert number(row[part]) == pytest.approx(getattr(found, part) / GIB, abs=0.051), part
    assert number(row["training"]) == pytest.approx(found.total / GIB, abs=0.051)
    assert number(row["vLLM"]) == pytest.approx(vllm_gib(stage), abs=0.051)
    assert number(row["together"]) == pytest.approx(found.total / GIB + vllm_gib(stage), abs=0.051)


@pytest.mark.parametrize("row", table("model"), ids=lambda row: row["model"])
def test_hours_and_disk_in_the_docs_are_what_the_module_says(row: dict[str, str]) -> None:
    size, peak = row["model"], PEAK_FLOPS["H100"]
    config = read(TRAINING / f"qwen2.5-{size.lower()}.yaml")
    weights = architecture(config.base.path).parameters
    assert weights == WEIGHTS[size]
    sft, grpo = config.stages["sft"], config.stages["grpo"]
    assert isinstance(grpo, GroupOptimization)
    adapters = [stage.adapter and LowRank(stage.adapter.rank) for stage in (sft, grpo)]
    rows = sft.batch_size * (sft.max_steps or 0)
    trained = training_flops(
        weights, rows * 1_450, gradient_checkpointing=True, adapter=adapters[0] is not None
    )
    group = grpo_flops(
        weights,
        prompts=grpo.batch_size // grpo.generations * (grpo.max_steps or 0),
        generations=grpo.generations,
        prompt_tokens=250,
        reply_tokens=1_200,
        gradient_checkpointing=True,
        adapter=adapters[1] is not None,
        scorings=1,
    )
    documents = training_flops(weights, 1_600_000_000, gradient_checkpointing=True)
    own = [one.parameters(architecture(config.base.path)) if one else weights for one in adapters]
    first, second = (checkpoint_bytes(count, weight_bytes=8) for count in own)
    at_once = max(kept_bytes(first, 2), kept_bytes(second, 2))
    assert number(row["sft, GPU hours"]) == pytest.approx(gpu_hours(trained, peak=peak), abs=0.051)
    assert number(row["grpo, GPU hours"]) == pytest.approx(grpo_hours(group, peak=peak), abs=0.051)
    generated = gpu_hours(group.generation, peak=peak, utilisation=GENERATION_UTILISATION)
    assert number(row["of it generation"]) == pytest.approx(generated, abs=0.051)
    assert number(row["pre-training, GPU hours"]) == pytest.approx(gpu_hours(documents, peak=peak), abs=0.51)
    for column, size_ in (
        ("a checkpoint of sft, GB", first.total),
        ("of grpo, GB", second.total),
        ("at most at once, GB", at_once),
        ("the model, GB", 2 * weights),
    ):
        assert number(row[column]) == pytest.approx(size_ / 1e9, abs=0.51), column


def test_configs_and_files_of_the_docs_are_there() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)]
    asked, evaluated = blocks
    assert check_config(asked, MorpheusConfig, where="docs").chains == [("sft", "grpo")]
    models = check_config(evaluated, EvaluationConfig, where="docs").models
    assert [one.name for one in models] == ["base", "sft", "sft_grpo"]
    for name in re.findall(r"`?((?:deployments|anessuite)/[\w./-]+\.\w+)`?", DOCS):
        assert (PROJECT / name).is_file(), name


def test_the_general_set_of_the_docs_becomes_rows_that_sft_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    published = {"Question": "Which drug?", "Complex_CoT": "The white one.", "Response": "Propofol."}
    (tmp_path / "medical_o1_sft.json").write_text(json.dumps([published, published | {"Question": "And?"}]))
    (block,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    exec(block, {})
    stage = read(TRAINING / "ablations.yaml").stages["sft-general"]
    (source,) = stage.data
    assert isinstance(source, TrainingSource)
    (rows,) = read_examples(source, stage, Store(str(tmp_path / "data")))
    assert rows["why"].to_list() == [None, None] and rows["language"].to_list() == ["en", "en"]
    assert rows["completion"][0][0]["content"] == "<think>\nThe white one.\n</think>\n\nPropofol."
