# bash kubelet_machine.sh, in a test host: what a kubelet looks for in a machine, and nothing of this
# machine's own that it could change by being started.
set -eu
# Whatever cgroups there are, only to be read.
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup
# The sysctls that it sets are this host's alone.
for name in kernel/{panic,panic_on_oops,keys/root_maxkeys,keys/root_maxbytes} vm/{overcommit_memory,panic_on_oom}; do
  copy=/run/sysctl/$name
  mkdir -p "${copy%/*}"
  cat "/proc/sys/$name" > "$copy"
  mount --bind "$copy" "/proc/sys/$name"
done
# User-mode Linux does not tell its clock, without which the kubelet counts no processor.
if ! grep -q '^cpu MHz' /proc/cpuinfo; then
  sed '/^processor/a cpu MHz\t\t: 1000.000' /proc/cpuinfo > /run/cpuinfo
  mount --bind /run/cpuinfo /proc/cpuinfo
fi
