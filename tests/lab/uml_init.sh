#!/bin/sh
# First process of the lab's user-mode Linux. The kernel hands over CONTROL, a folder of the machine
# outside: it holds run.sh (what to run) and gets status (how that ended), and alive, written every few
# seconds: whether this kernel still turns is not to be seen from outside.
# The machine's root is here read-only; a layer in memory makes it writable and forgets everything.
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
# The folders that outlive the run, the control folder first.
while read -r folder; do
  mkdir -p "/mnt/root$folder"
  mount -t hostfs -o "$folder" hostfs "/mnt/root$folder"
done < "$CONTROL/shared"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs devtmpfs dev
mkdir -p dev/pts dev/shm dev/net
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs tmpfs run
[ -e dev/net/tun ] || mknod dev/net/tun c 10 200
ln -sfn /proc/self/fd dev/fd
# Not chroot: whoever enters a namespace of mounts later lands in its real root.
pivot_root . mnt
exec chroot . /bin/sh -c '
  ip link set lo up
  hostname lab
  # One CPU for everybody: a program that waits its turn must not lose what it is sent meanwhile.
  echo 4194304 > /proc/sys/net/core/rmem_default
  echo 10000 > /proc/sys/net/core/netdev_max_backlog
  stty -opost < /dev/console 2> /dev/null
  while echo > "$CONTROL/alive"; do sleep 5; done &
  # Through a pipe: on a terminal programs print colours and redraw lines.
  { /bin/sh "$CONTROL/run.sh" < /dev/null; echo $? > "$CONTROL/status"; } 2>&1 | cat
  sync
  echo o > /proc/sysrq-trigger
  sleep 10
' < /dev/console > /dev/console 2>&1
