"""A real SLURM of the tests' own: a controller and two nodes on this machine, as any user.

Everything is below one folder and on ports that were free, so that several can run side by side
and none touches a cluster that the machine belongs to. The programs come from Debian's packages
slurm-wlm and munge (``bash tests/support/install_slurm.sh``).
"""

import atexit
import contextlib
import functools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel")
_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
ReturnToService=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdSpoolDir={folder}/spool.%n
StateSaveLocation={folder}/state
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=300
KillWait=2
SlurmdTimeout=20
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] \
CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """Say why no SLURM can be started here; nothing where it can."""
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not installed: {', '.join(missing)} (Debian's slurm-wlm, munge)" if missing else ""


@functools.cache
def running_cluster() -> "Cluster | str":
    """Start a cluster for all tests of this process, or say why there is none."""
    if reason := why_not():
        return reason
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder / "cluster")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(cluster.stop)
    try:
        cluster.start()
    except (RuntimeError, OSError, subprocess.SubprocessError) as err:
        return f"SLURM does not start here: {err}"
    return cluster


@pytest.fixture
def cluster(monkeypatch):
    """A running SLURM with two idle nodes; the test is skipped where there can be none."""
    found = running_cluster()
    if isinstance(found, str):
        pytest.skip(found)
    monkeypatch.setenv("SLURM_CONF", found.environment["SLURM_CONF"])
    monkeypatch.delenv("LOGNAME", raising=False)  # Nipype's own plugin cannot do without
    found.cancel_all()
    return found


class Cluster:
    """A running SLURM; the environment variable ``SLURM_CONF`` leads every program to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        (folder / "state").mkdir()
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "munge.key").chmod(0o400)
        cores = len(os.sched_getaffinity(0))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        text = _CONF.format(
            host=socket.gethostname(), ports=_free_ports(), folder=folder, cpus=min(2, cores),
            user=_user(), memory=memory // 2,
        )  # fmt: skip
        (folder / "slurm.conf").write_text(text)
        self.environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}

    def start(self) -> None:
        """Start all daemons, and wait until both nodes are idle."""
        munge = {name: self.folder / f"munge.{name}" for name in ("key", "log", "pid", "seed")}
        options = [f"--{name}-file={path}" for name, path in munge.items()]
        self._call("munged", "--force", f"--socket={self.folder}/munge.socket", *options)
        self._call("slurmctld")
        for node in ("n1", "n2"):
            self.start_node(node)
        for _ in range(300):
            states = self._call("sinfo", "--noheader", "--Node", "--format=%t").split()
            if states == ["idle", "idle"]:
                return
            time.sleep(0.1)
        raise RuntimeError(f"nodes are {states}; see {self.folder}/*.log")

    def stop(self) -> None:
        """Cancel all jobs and end the daemons."""
        self.cancel_all()
        for name in ("slurmd.n1", "slurmd.n2", "slurmctld", "munge"):
            self._kill(name, signal.SIGTERM)

    def cancel_all(self) -> None:
        """Cancel all jobs, and wait until they are gone."""
        user = f"--user={os.getuid()}"
        subprocess.run(["scancel", user], env=self.environment, check=False, timeout=60)
        for _ in range(100):
            if not self._call("squeue", "--noheader", user).strip():
                return
            time.sleep(0.1)

    def start_node(self, node: str) -> None:
        """Start slurmd of a node."""
        (self.folder / f"spool.{node}").mkdir(exist_ok=True)
        self._call("slurmd", "-N", node)

    def kill_node(self, node: str) -> None:
        """Kill slurmd of a node, and all that runs there: as when its power goes."""
        self._kill(f"slurmd.{node}", signal.SIGKILL)
        for pid in _processes_with(f"SLURMD_NODENAME={node}", f"SLURM_CONF={self.folder}/"):
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.kill(pid, signal.SIGKILL)

    def kill_daemon(self, node: str) -> None:
        """Kill slurmd of a node; its jobs go on."""
        self._kill(f"slurmd.{node}", signal.SIGKILL)

    def _call(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stderr or done.stdout}")
        return done.stdout

    def _kill(self, name: str, number: int) -> None:
        try:
            os.kill(int((self.folder / f"{name}.pid").read_text()), number)
        except (OSError, ValueError):
            return


def _processes_with(*settings: str) -> list[int]:
    """Processes in whose environment there are variables that begin so."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                own = (entry / "environ").read_text(errors="replace").split("\0")
            except OSError:
                continue
            if all(any(line.startswith(text) for line in own) for text in settings):
                found.append(int(entry.name))
    return found


def _free_ports() -> list[int]:
    """Three free ports; the last two are neighbours."""
    for _ in range(100):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            first = one.getsockname()[1]
        try:
            for port in (first + 1, first + 2):
                with socket.socket() as other:
                    other.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            continue
        return [first, first + 1, first + 2]
    raise RuntimeError("no free ports")


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
