"""``python -m tests.audit``: secrets in the tracked files, and known vulnerabilities of the pinned packages.

Exits with 1 for a secret or a vulnerable package. The service that knows vulnerabilities is not within reach
everywhere: then nothing was audited, and a warning says so, lest anybody take it for a clean bill.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

PROJECT = Path(__file__).parents[1]
NOT_USED = {"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword", "Public IP (ipv4)"}
"""Kinds that find digests, prompts and the names of variables: all of their hits here were read, and none was
a secret."""
ONLY_OUTSIDE_TESTS = {"Basic Auth Credentials"}
"""Tests are full of made-up passwords in URLs, which no message may show."""
_SECONDS = 120


def secrets_in(files: Sequence[str]) -> list[str]:
    """``path:line: kind`` of what looks like a secret, but for lines with ``pragma: allowlist secret``."""
    kinds = get_mapping_from_secret_type_to_class()
    plugins = [{"name": plugin.__name__} for kind, plugin in kinds.items() if kind not in NOT_USED]
    with transient_settings({"plugins_used": plugins}):
        found = SecretsCollection()
        for file in files:
            found.scan_file(file)
    return [
        f"{path}:{one.line_number}: {one.type}"
        for path, one in found
        if not (path.startswith("tests/") and one.type in ONLY_OUTSIDE_TESTS)
    ]


def tracked_files() -> list[str]:
    """Files of the checkout that git knows, or will know."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.splitlines() if (PROJECT / name).is_file()]


def audit(report: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Vulnerable packages, and those of which the service knows nothing, in a report of pip-audit."""
    packages = report["dependencies"]
    vulnerable = [
        f"{one['name']} {one['version']}: {bug['id']}, fixed in {', '.join(bug['fix_versions']) or 'none'}"
        for one in packages
        for bug in one.get("vulns", [])
    ]
    return vulnerable, [one["name"] for one in packages if "skip_reason" in one]


def _ask() -> dict[str, Any] | str:
    """The report on all pinned packages, or why there is none."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", "constraints.txt", "--no-deps"]
    command += ["--disable-pip", "--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {_SECONDS} s"
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


def main() -> int:
    """Print what was found."""
    secrets = secrets_in(tracked_files())
    sys.stdout.write("".join(f"secret? {line}\n" for line in secrets))
    report = _ask()
    if isinstance(report, str):
        sys.stdout.write(f"WARNING: packages were NOT audited: {report}\n")
        return bool(secrets)
    vulnerable, unknown = audit(report)
    sys.stdout.write("".join(f"vulnerable: {line}\n" for line in vulnerable))
    if unknown:
        told = f"{len(unknown)} of {len(report['dependencies'])} packages were NOT audited"
        sys.stdout.write(f"WARNING: {told}: the service that is within reach does not know them\n")
    return bool(secrets or vulnerable)


if __name__ == "__main__":
    sys.exit(main())
