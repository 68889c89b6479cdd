# Process 1 of a test host: bash host_anchor.sh NAME, started by unshare in fresh namespaces.
# It makes the host's own file systems, says "ready", and lives as long as its standard input:
# when the test process dies, however it dies, this ends and the kernel ends the host with it.
set -eu
hostname "$1"
mount --make-rprivate /
mount -t tmpfs tmpfs /run
for folder in /etc /var/lib /var/log; do
  layer=/run/.layers$folder
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=$folder,upperdir=$layer/upper,workdir=$layer/work" overlay "$folder"
done
mkdir -p /etc/wireguard /var/lib/kubelet /var/lib/wg-kube /run/lock /run/wireguard
for folder in /etc/wireguard /var/lib/kubelet /var/lib/wg-kube; do mount -t tmpfs tmpfs "$folder"; done
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$1" > /etc/hosts
mount -t sysfs sysfs /sys 2> /dev/null || true
ip link set lo up
# No waiting for duplicate addresses: in a network of three hosts there are none.
for family in all default; do echo 0 > "/proc/sys/net/ipv6/conf/$family/accept_dad"; done
echo ready
read -r _ || true
