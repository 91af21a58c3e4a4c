"""The limit of open files of a process, raised and too low: in processes of their own."""

import resource
import subprocess
import sys

import pytest

from tasks.open_files import OpenFiles

CODE = """
import resource, sys
from tasks.open_files import let_open
soft, hard, files = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
let_open(files)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


def let_open(soft: int, hard: int, files: int) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, "-c", CODE, str(soft), str(hard), str(files)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_a_low_limit_of_a_process_is_raised_as_far_as_is_needed() -> None:
    assert int(let_open(300, 4000, 2330).stdout) >= 2330
    assert int(let_open(3000, 4000, 100).stdout) == 3000, "enough is left as it is"


def test_a_system_that_forbids_it_is_told_with_the_number_to_set() -> None:
    refused = let_open(256, 1024, 2330)
    assert refused.returncode == 1
    assert "reads 2,330 files at once" in refused.stderr and "1,024" in refused.stderr
    assert "ulimit -n" in refused.stderr and "continues" in refused.stderr


def test_rows_pass_through_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**6, 10**6))
    rows = iter([1, 2])
    assert OpenFiles(5)(rows, 0, 1) is rows
