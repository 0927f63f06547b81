"""Ask pip-audit for known vulnerabilities of the pinned packages; skipped where nobody answers."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

PINNED = Path(__file__).resolve().parents[1] / "constraints.txt"
COMMAND = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip"]

UNREACHED = ("ConnectionError", "Max retries", "Timeout", "ServiceError")  # what pip-audit says


def main() -> None:
    """Tell what was found; status 1 where a package is vulnerable."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        given = ["-r", str(PINNED), "--format", "json", "--output", str(report)]
        try:
            done = subprocess.run([*COMMAND, *given], capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired:
            print("audit: skipped: the service does not answer within ten minutes")
            return
        if not report.is_file():
            why = done.stderr.strip().splitlines()[-1:]
            if not any(word in done.stderr for word in UNREACHED):
                sys.exit(f"audit: pip-audit failed: {why}")
            print(f"audit: skipped: {why}")
            return
        packages = json.loads(report.read_text())["dependencies"]
    known = [p for p in packages if "vulns" in p]
    if not known:
        print(f"audit: skipped: the service here knows none of {len(packages)} packages")
        return
    found = [f"{p['name']} {p['version']}: {v['id']}" for p in known for v in p["vulns"]]
    print(f"audit: {len(known)} of {len(packages)} packages known, {len(found)} vulnerabilities")
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
