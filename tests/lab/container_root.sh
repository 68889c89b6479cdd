# bash container_root.sh ROOT KEPT [SOURCE TARGET MODE]... -- [NAME=VALUE]... -- PROGRAM [ARGUMENT]...
# Runs a program like a container of a pod on the host's network, in the mount and process namespaces
# that unshare has just made: ROOT read-only, proc, sys read-only, a small dev, what is bound in
# (MODE ro or rw), and of root's capabilities only KEPT (a name like cap_net_admin).
set -eu
root=$1 kept=$2
shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o "lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root
cd /mnt/root
mkdir -p proc sys dev
mounts=()
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p ".$2"; else mkdir -p ".${2%/*}" && : > ".$2"; fi
  mounts+=("$1" "$2" "$3")
  shift 3
done
shift
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs -o mode=755 tmpfs dev
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
ln -s /proc/self/fd dev/fd
mount -o remount,ro dev
set -- "${mounts[@]}" -- "$@"
while [ "$1" != -- ]; do
  mount --bind "$1" ".$2"
  [ "$3" = rw ] || mount -o remount,bind,ro ".$2"
  shift 3
done
shift
mount -o remount,ro /mnt/root
environment=()
while [ "$1" != -- ]; do environment+=("$1"); shift; done
program=$2
shift 2
capsh=$(command -v capsh || echo /usr/sbin/capsh)
dropped=$("$capsh" --print | sed -n 's/^Bounding set *=//p' | tr , '\n' | grep -vx "$kept" | paste -sd,)
# The chroot comes first, for it needs a right that goes with the rest; exec gives back KEPT alone.
exec env -i "${environment[@]}" "$capsh" --chroot=/mnt/root --drop="$dropped" --no-new-privs \
  --shell="$program" -- "$@"
