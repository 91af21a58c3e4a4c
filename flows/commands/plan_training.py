"""``anes plan morpheus``."""

from pathlib import Path

from flows.commands.planned import Planned, Wanted


def plan_training(wanted: Wanted) -> Planned:
    """Tokens, steps, hours, memory and disk, from the rows that a build would train on."""
    import json
    import tempfile

    from anessuite.config import read_config
    from anessuite.storage import Store
    from anessuite.training.architecture import Architecture
    from anessuite.training.base import fetch
    from anessuite.training.chains import prefixes
    from anessuite.training.tokens import Tokens
    from flows.morpheus import MorpheusConfig
    from tasks.estimate_training import GPU, estimate_training, most_disk, plan_rows
    from tasks.lay_out_examples import HeldOut

    recipe, store = read_config(wanted.config, MorpheusConfig), Store(wanted.root)
    with tempfile.TemporaryDirectory() as folder:
        base = fetch(recipe.base, Path(folder))
        tokens = Tokens(base, trust_remote_code=recipe.base.trust_remote_code)
        shape = Architecture.of(json.loads((base / "config.json").read_bytes()))
        held_out = HeldOut(recipe.held_out, recipe.seed)
        plan = plan_rows(recipe.used, store, tokens, held_out, sample=wanted.sample)
    devices = recipe.launch.processes
    found = estimate_training(prefixes(recipe.chains), recipe.used, plan, shape, devices=devices)
    total = {
        "parameters": shape.parameters,
        "steps": sum(one.plan.steps for one in found),
        "gpu_hours": sum(one.hours for one in found),
        "disk_bytes": most_disk(found),
        "models": [one.row() for one in found],
    }
    lines = [
        *(one.in_words() for one in plan.values()),
        f"in all: {len(found)} models of {shape.parameters:,} weights, {total['steps']:,} steps, "
        f"{total['gpu_hours']:,.1f} {GPU} hours, {total['disk_bytes'] / 1e9:,.1f} GB of disk at most",
        "hours: 40 % of the peak in training, 10 % in generation, replies of GRPO half as long as they may "
        f"be; memory: the weights shared by {devices} GPU{'s' if devices > 1 else ''}; without examinations",
    ]
    return total, [one.row() for one in found], lines
