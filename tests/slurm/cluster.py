"""A cluster of two nodes on this machine, to try the workflow on: Slurm's own daemons, as root.

    python tests/slurm/cluster.py start FOLDER
    python tests/slurm/cluster.py stop FOLDER

Node n1 is partition cpu, node n2 with two GPUs, which are no more than device files, is partition
gpu. Debian and Ubuntu: apt-get install --no-install-recommends slurm-wlm. The configuration must
lie in /etc/slurm: Snakemake's plug-in takes SLURM_CONF out of the environment.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ETC = Path("/etc/slurm")
NODES = ("n1", "n2")
CONFIGURATION = """
# written by tests/slurm/cluster.py
ClusterName=trial
SlurmctldHost=localhost
SlurmctldPort=16917
SlurmUser=root
SlurmdUser=root
# nobody but this machine: no passwords, no accounts, no cgroups
AuthType=auth/none
CredType=cred/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=20
MinJobAge=7200
KillWait=10
SchedulerParameters=bf_interval=2,sched_interval=2
JobRequeue=0
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=16921 CPUs=4 RealMemory=16000
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=16922 CPUs=4 RealMemory=16000 Gres=gpu:2
PartitionName=cpu Nodes=n1 Default=YES MaxTime=02:00:00
PartitionName=gpu Nodes=n2 MaxTime=02:00:00
"""


def missing() -> str:
    """Why there can be no cluster here; "" where there can be one."""
    if os.name != "posix" or os.getuid() != 0:
        return "Slurm's daemons are started as root, and this is another user"
    absent = [name for name in ("slurmctld", "slurmd", "sbatch") if shutil.which(name) is None]
    if absent:
        return f"{absent[0]} is not installed (Debian: apt-get install slurm-wlm)"
    theirs = ETC / "slurm.conf"
    if theirs.exists() and "tests/slurm/cluster.py" not in theirs.read_text():
        return f"{theirs} is that of a cluster of this machine's own"
    return ""


def start(folder: Path) -> None:
    """Start the daemons, and wait until both nodes are idle."""
    if why := missing():
        sys.exit(why)
    for name in ("state", "spool.n1", "spool.n2"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(2):
        device = folder / f"gpu{number}"
        if not device.exists():
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # as /dev/null
    ETC.mkdir(exist_ok=True)
    (ETC / "slurm.conf").write_text(CONFIGURATION.format(folder=folder))
    (ETC / "gres.conf").write_text(f"NodeName=n2 Name=gpu File={folder}/gpu[0-1]\n")
    subprocess.run(["slurmctld", "-c"], check=True)
    for node in NODES:
        start_node(node)
    wait_for("idle", *NODES)


def start_node(node: str) -> None:
    """Start a node's daemon."""
    subprocess.run(["slurmd", "-N", node], check=True)


def wait_for(state: str, *nodes: str, seconds: float = 120) -> None:
    """Wait until nodes are in a state."""
    end = time.monotonic() + seconds
    while True:
        told = subprocess.run(
            ["sinfo", "-h", "-N", "-o", "%N %T"], capture_output=True, text=True, check=False
        )
        found = dict(line.split() for line in told.stdout.splitlines())
        if all(found.get(node, "").startswith(state) for node in nodes):
            return
        if time.monotonic() > end:
            raise TimeoutError(f"{nodes} are not {state}: {found} {told.stderr}")
        time.sleep(0.3)


def end(file: Path, number: int = signal.SIGTERM) -> None:
    """End the daemon whose pid a file holds."""
    if file.is_file():
        try:
            os.kill(int(file.read_text()), number)
        except ProcessLookupError:
            return


def stop(folder: Path) -> None:
    """Cancel all jobs and end the daemons."""
    subprocess.run(["scancel", "--user", "root"], capture_output=True, check=False)
    limit = time.monotonic() + 30
    while (
        time.monotonic() < limit
        and subprocess.run(["squeue", "-h"], capture_output=True, check=False).stdout
    ):
        time.sleep(0.5)
    files = [folder / f"{name}.pid" for name in (*NODES, "slurmctld")]
    pids = [int(file.read_text()) for file in files if file.is_file()]
    for number in (signal.SIGTERM, signal.SIGKILL):  # one that waits for a job does not end at once
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(2)
    for name in ("slurm.conf", "gres.conf"):
        (ETC / name).unlink(missing_ok=True)


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]](Path(sys.argv[2]).resolve())
