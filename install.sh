#!/bin/sh
# Installs, upgrades or removes the spoke on a machine with systemd. As root:
#   sh install.sh --address 100.96.0.2/32
# --help tells the rest. POSIX sh; needs curl, sha256sum and install.
set -eu
umask 022

version=0.1.0
url='' digest='' address=''
start=true
dry_run=false
mode=install
purge=false

program=/usr/local/bin/wg-spoke
unit=/etc/systemd/system/wg-spoke.service
environment=/etc/default/wg-spoke
networkd=/etc/systemd/networkd.conf.d/wg-kube.conf
network_manager=/etc/NetworkManager/conf.d/wg-kube.conf
# What the spoke makes while it runs, besides the key and what it takes away itself.
log=/var/log/wg-spoke.log
pid=/run/wg-spoke.pid
locks=/run/wireguard

folder='' staged=''

usage() {
  cat <<TEXT
Usage: install.sh --address ADDRESS/LENGTH [options]
       install.sh --uninstall [--purge] [--dry-run]

Installs wg-spoke, its unit and drop-ins for the host's network managers, and starts it. Run again, it
brings what differs up to date. What lies in $environment is never changed.

  --address ADDRESS/LENGTH  This machine's address in the tunnel, unique among the spokes; needed
                            where $environment is not there yet
  --version VERSION         The release to take (default: $version)
  --url URL                 The folder of the release, by https (default: the project's own)
  --sums-sha256 HEX         What the release's SHA256SUMS must have as its own checksum: then a server
                            that lies is found out, too
  --no-start                Leave the service as it is: neither start nor restart it
  --uninstall               End the spoke, take away tunnel and registration, remove what was installed
  --purge                   With --uninstall: the private key as well
  --dry-run                 Say what would be done, and do nothing
  --help                    Print this text
TEXT
}

say() { printf '%s\n' "$*"; }

fail() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

misused() {
  printf 'install.sh: %s; see --help\n' "$*" >&2
  exit 2
}

# Does something, or says that it would.
act() {
  if $dry_run; then say "would run: $*"; else "$@"; fi
}

has_value() { [ $# -ge 2 ] || misused "$1 needs a value"; }

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --address) has_value "$@" && address=$2 && shift ;;
      --version) has_value "$@" && version=${2#v} && shift ;;
      --url) has_value "$@" && url=${2%/} && shift ;;
      --sums-sha256) has_value "$@" && digest=$2 && shift ;;
      --no-start) start=false ;;
      --uninstall) mode=uninstall ;;
      --purge) purge=true ;;
      --dry-run) dry_run=true ;;
      --help) usage && exit 0 ;;
      *) misused "unknown argument $1" ;;
    esac
    shift
  done
  if $purge && [ $mode != uninstall ]; then misused "--purge belongs to --uninstall"; fi
  case $version in
    *[!0-9A-Za-z.+-]* | '') misused "--version: $version is none: give it as 0.1.0" ;;
  esac
  case $address in
    *[!0-9A-Fa-f.:/,]*) misused "--address: $address is none: give it as 100.96.0.2/32" ;;
    '' | */*) ;;
    *) misused "--address: $address has no length: give it as $address/32" ;;
  esac
  [ -n "$url" ] || url=https://github.com/wg-kube/wg-kube/releases/download/v$version
}

# What the machine must have.
check_machine() {
  [ "$(id -u)" -eq 0 ] || fail "this needs root: run it by sudo"
  command -v systemctl > /dev/null ||
    fail "this machine has no systemd: start the spoke by what it has; WG_DAEMONIZE in the README helps"
  for needed in "$@"; do
    command -v "$needed" > /dev/null || fail "$needed is missing: install it"
  done
}

# The value of a variable in the environment file, its quotes taken away; nothing if it has none.
setting() {
  if [ -f "$environment" ]; then
    sed -n "s/^$1=//p" "$environment" | tail -n 1 | sed "s/^\([\"']\)\(.*\)\1\$/\2/"
  fi
}

# Whether a file has that checksum. Whatever is none is not it.
has_sum() {
  printf '%s  %s\n' "$1" "$2" | sha256sum --check --strict --status 2> /dev/null
}

# What SHA256SUMS says of a file of the release.
sum_of() {
  sed -n "s/^\([0-9a-f]\{64\}\) [ *]$1\$/\1/p" "$folder/SHA256SUMS" | grep . ||
    fail "SHA256SUMS of $url has no line for $1: nothing was changed"
}

# Fetches a file of the release. Fails closed: no sum, no file.
fetch() {
  sum=$(sum_of "$1")
  download "$1"
  has_sum "$sum" "$folder/$1" ||
    fail "$url/$1 has another checksum than SHA256SUMS says: nothing was changed"
}

download() {
  curl --fail --silent --show-error --location --proto =https --retry 10 --retry-connrefused \
    --retry-max-time 300 --connect-timeout 20 --output "$folder/$1" "$url/$1" ||
    fail "$url/$1 cannot be fetched: nothing was changed"
}

# Puts a file in place in one step, if it is not there with this very content.
put() {
  if [ -f "$3" ] && [ "$(sha256sum < "$2")" = "$(sha256sum < "$3")" ]; then return; fi
  changed=true
  say "$3"
  if $dry_run; then return; fi
  install -d "${3%/*}"
  staged=$3.new-$$
  install -m "$1" "$2" "$staged"
  mv -f "$staged" "$3"
  staged=
}

# What is about to be replaced, for the way back.
keep() { if [ -f "$1" ]; then cp -p "$1" "$folder/old-${1##*/}"; fi; }

# The program, if it is not there, and only if it runs here. One that runs is replaced all the same: what
# is renamed is the name.
put_program() {
  sum=$(sum_of "$1")
  if [ -f $program ] && has_sum "$sum" $program; then return; fi
  changed=true
  say "$program: $1 $version"
  if $dry_run; then return; fi
  fetch "$1"
  install -d ${program%/*}
  staged=$program.new-$$
  install -m 0755 "$folder/$1" "$staged"
  printed=$("$staged" --version 2>&1) ||
    fail "$1 does not run on this machine, so nothing was changed: $printed"
  [ "$printed" = "spoke $version" ] ||
    fail "$url/$1 is \"$printed\" and not spoke $version: nothing was changed"
  keep $program
  mv -f "$staged" $program
  staged=
}

put_environment() {
  if [ -e $environment ]; then
    known=$(setting WG_ADDRESS)
    if [ -n "$address" ] && [ "$address" != "$known" ]; then
      say "$environment is left as it is, with WG_ADDRESS=$known: edit it to change that"
    fi
    return
  fi
  say "$environment"
  if $dry_run; then return; fi
  # Not for everybody's eyes: it may come to hold a proxy's password.
  (umask 077 && printf 'WG_ADDRESS=%s\n' "$address" > "$folder/environment")
  put 0600 "$folder/environment" $environment
}

install_spoke() {
  check_machine curl sha256sum install
  [ -n "$address" ] || [ -e $environment ] ||
    misused "--address is needed, since $environment is not there yet"
  case $(uname -m) in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no spoke for $(uname -m), but for x86_64 and aarch64" ;;
  esac
  folder=$(mktemp -d)
  download SHA256SUMS
  if [ -n "$digest" ]; then
    has_sum "$digest" "$folder/SHA256SUMS" ||
      fail "$url/SHA256SUMS is not the one of --sums-sha256: nothing was changed"
  fi
  # All that is text first: a release that lacks some of it changes nothing.
  for name in wg-spoke.service networkd.conf NetworkManager.conf; do fetch $name; done
  interface=$(setting WG_INTERFACE)
  case ${interface:-wg0} in
    *[!A-Za-z0-9_.-]*) fail "$environment: WG_INTERFACE is no interface's name" ;;
  esac
  sed "s/interface-name:wg0\$/interface-name:${interface:-wg0}/" "$folder/NetworkManager.conf" \
    > "$folder/unmanaged.conf"

  changed=false
  put_program "spoke-$machine"
  put_environment
  keep $unit
  put 0644 "$folder/wg-spoke.service" $unit
  put 0644 "$folder/networkd.conf" $networkd
  if [ -d /etc/NetworkManager ]; then
    put 0644 "$folder/unmanaged.conf" $network_manager
    reload_network_manager
  fi
  start_service
}

reload_network_manager() {
  if systemctl --quiet is-active NetworkManager.service; then act systemctl reload NetworkManager.service; fi
}

start_service() {
  act systemctl enable wg-spoke.service
  if ! $start; then
    say "not started: systemctl daemon-reload && systemctl restart wg-spoke.service"
  elif ! [ -d /run/systemd/system ]; then
    say "systemd does not run here: the spoke starts when the machine does"
  elif $changed; then
    # Stopped and started again, a spoke leaves its tunnel up.
    act systemctl daemon-reload
    act systemctl restart wg-spoke.service || roll_back
    say "the spoke runs; wg-spoke status tells of it"
  else
    act systemctl start wg-spoke.service
    say "nothing has changed"
  fi
}

# A program that does not start takes no tunnel away, but would not follow the hub: the one before does.
roll_back() {
  look="See why: journalctl -u wg-spoke.service"
  [ -f "$folder/old-wg-spoke" ] || fail "the spoke does not start, and systemd goes on trying. $look"
  put 0755 "$folder/old-wg-spoke" $program
  if [ -f "$folder/old-wg-spoke.service" ]; then put 0644 "$folder/old-wg-spoke.service" $unit; fi
  systemctl daemon-reload
  systemctl restart wg-spoke.service ||
    fail "neither $version nor the spoke before starts; that one is back. $look"
  fail "spoke $version does not start: the one before is back, and runs. $look"
}

# Runs the spoke's own clearing up under the variables that the service has.
wg_spoke_down() {
  if [ -f $environment ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      name=${line%%=*}
      case $name in
        "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*) ;;
        *) export "$name=$(setting "$name")" ;;
      esac
    done < $environment
  fi
  DENO_NO_UPDATE_CHECK=1 $program down
}

uninstall_spoke() {
  check_machine sed
  key=$(setting WG_PRIVATE_KEY_FILE)
  key=${key:-/etc/wireguard/private.key}
  interface=$(setting WG_INTERFACE)
  lock=$locks/${interface:-wg0}.spoke
  if [ -e $unit ]; then act systemctl disable --now wg-spoke.service; fi
  if [ -x $program ]; then
    (act wg_spoke_down) || fail "wg-spoke down has failed: nothing was removed. Mend what it names, then again"
  fi
  removed=false
  for file in $program $unit $environment $networkd $network_manager $log $pid $lock \
    "${key%/*}/public.key"; do
    if ! [ -e "$file" ]; then continue; fi
    removed=true
    act rm -f "$file"
  done
  if $purge; then act rm -f "$key"; fi
  # Only if nothing of anybody else's lies there.
  $dry_run || rmdir ${networkd%/*} /etc/wireguard $locks 2> /dev/null || true
  if $removed && [ -d /run/systemd/system ]; then
    act systemctl daemon-reload
    reload_network_manager
  fi
  if [ -e "$key" ]; then say "the key stays in $key: --uninstall --purge removes it, too"; fi
  if $removed; then say "the spoke is uninstalled"; else say "there was no spoke"; fi
}

clear_up() {
  if [ -n "$folder" ]; then rm -rf "$folder"; fi
  if [ -n "$staged" ]; then rm -f "$staged"; fi
}

# Called in the last line: of a file that has come only in part, nothing is done.
main() {
  trap clear_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  read_arguments "$@"
  if [ $mode = uninstall ]; then uninstall_spoke; else install_spoke; fi
}

main "$@"
