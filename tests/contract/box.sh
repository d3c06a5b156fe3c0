#!/usr/bin/env bash
# box.sh ENVIRONMENT COMMAND...
# A private /opt/ml, /etc, environment, loopback and process space: the servers insist on port 8080 of
# every address, on /opt/ml and on files below /etc. Everything that is started inside dies with it.
home=$(readlink -f "$1"); shift
exec unshare --user --map-root-user --fork --pid --mount-proc --kill-child --mount --net bash -ec '
  mount --make-rprivate /
  mount -t tmpfs none /mnt
  for each in /etc "$0"; do  # copy on write
    top=/mnt/${each//\//_}; mkdir -p "$top/upper" "$top/work"
    mount -t overlay overlay -o "lowerdir=$each,upperdir=$top/upper,workdir=$top/work,userxattr" "$each"
  done
  mount -t tmpfs none /opt
  mkdir -p /opt/ml/model/code /opt/ml/input/{config,data} /opt/ml/output/data /opt/run /opt/scratch
  ip link set lo up
  export PATH=$0/bin:$PATH VIRTUAL_ENV=$0 HOME=/opt/run TMPDIR=/opt/scratch TEMP=/opt/scratch
  export PYTHONDONTWRITEBYTECODE=1 PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0
  cd /opt/run
  "$@"; exit $?  # the shell stays, and reaps what servers leave behind' "$home" "$@"
