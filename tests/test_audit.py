"""The audit sees what it looks for."""

from pathlib import Path

import pytest

from tests.audit import audit, secrets_in


def test_a_planted_secret_is_found_and_a_digest_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    key = "AKIA" + "Q3EGXAMPLEKEY7WZ"
    Path("config.yaml").write_text(f"access: {key}\nsha256: {'ab12' * 16}\n")
    Path("url.py").write_text('URL = "https://anna:' + 'hunter22@example.org/v1"\n')
    Path("tests").mkdir()
    Path("tests/url.py").write_text('URL = "https://anna:' + 'hunter22@example.org/v1"\n')
    found = secrets_in(["config.yaml", "url.py", "tests/url.py"])
    assert found == ["config.yaml:1: AWS Access Key", "url.py:1: Basic Auth Credentials"]


def test_a_vulnerable_package_is_named_and_one_that_is_unknown_is_not_taken_for_sound() -> None:
    report = {
        "dependencies": [
            {"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]},
            {"name": "b", "version": "1", "vulns": []},
            {"name": "c", "skip_reason": "not found"},
        ]
    }
    assert audit(report) == (["a 1: CVE-1, fixed in 2"], ["c"])
