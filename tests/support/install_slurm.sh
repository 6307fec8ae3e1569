#!/usr/bin/env bash
# Install what the tests of SLURM need, where that is possible. Never fails: it says why instead.
PATH=$PATH:/usr/sbin
if command -v slurmctld >/dev/null && command -v munged >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "No apt-get: the tests of SLURM skip (they need slurm-wlm and munge)."
    exit 0
fi
run=()
if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Not root: the tests of SLURM skip (they need slurm-wlm and munge)."
        exit 0
    fi
    run=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
if ! { "${run[@]}" apt-get -qq update &&
    "${run[@]}" apt-get -qq install -y --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1; then
    echo "slurm-wlm and munge cannot be installed: the tests of SLURM skip."
fi
exit 0
