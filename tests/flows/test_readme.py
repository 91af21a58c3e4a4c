"""The README's commands work as written."""

import re
import shlex
from pathlib import Path

PROJECT = Path(__file__).parents[2]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)


def test_each_anes_command_of_the_readme_runs(anes, demo: Path) -> None:
    import shutil

    root = demo.parent / "readme"
    shutil.copytree(demo, root, dirs_exist_ok=True)
    commands = [
        shlex.split(line) for block in BLOCKS for line in block.splitlines() if line.startswith("anes ")
    ]
    assert len(commands) >= 8
    for command in commands:
        arguments = [part.replace("data/clean", str(root / "clean")) for part in command[1:]]
        done = anes(*arguments, env={"ANES_ROOT": str(root)})
        assert done.code == 0, (command, done.err)


def test_each_make_target_of_the_readme_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^make (\w+)", "\n".join(BLOCKS), re.MULTILINE)) | set(
        re.findall(r"`(?:DATA=\w+ )?make (\w+)`", README)
    )
    assert {"demo", "test", "ui", "bench", "quality"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_each_file_that_the_readme_names_exists() -> None:
    for name in re.findall(
        r"`((?:deployments|filters|samples|anessuite|tasks|flows|benchmarks)/[\w./-]+\.\w+)`", README
    ):
        if "/x." not in name and "test_x" not in name:
            assert (PROJECT / name).is_file(), name
