"""`snakemake --lint`, without the advice to give every rule an environment of its own.

All rules run in the one pinned environment that the project installs.
"""

import re
import subprocess
import sys

ACCEPTED = "Specify a conda environment or container for each rule."

command = [sys.executable, "-m", "snakemake", "--lint", "--config", "study=quick"]
found = subprocess.run(command, capture_output=True, text=True, check=False)
told = found.stdout + found.stderr
if "Error" in told:
    sys.exit(told)
rules = re.findall(r"^Lints for (.+?):\n(.*?)(?=^Lints|\Z)", told, re.M | re.S)
lints = [(rule, lint) for rule, text in rules for lint in re.findall(r"^    \* (.+):$", text, re.M)]
if not lints:
    sys.exit(f"snakemake --lint said nothing that could be read:\n{told}")
kept = [f"{where}: {lint}" for where, lint in lints if lint != ACCEPTED]
print("\n".join(kept) or f"snakemake --lint: nothing but {len(lints)} times '{ACCEPTED}'")
sys.exit(bool(kept))
