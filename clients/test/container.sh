#!/usr/bin/env bash
# container.sh <folder> runs <folder>/steps as root in namespaces of its own, with a network that is nothing but a
# bridge. The steps have functions that do with <folder>/image what the containers of contrib/Dockerfile are promised.
# <folder>/out gets what they print. It needs root.
set -euo pipefail
folder=$1
if [[ ${2-} != inside ]]; then
	exec unshare --mount --pid --fork --kill-child --net --propagation private bash "$0" "$folder" inside
fi
exec > "$folder/out" 2>&1
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add bridge address 02:00:00:00:00:01 type bridge # otherwise it changes when a container ends, and nobody finds it
ip addr add 10.9.0.1/24 dev bridge
ip link set bridge up

# container <name> <address> <volume of /data> <folder> <where it is mounted> starts one: the files of the image, a network
# of its own, what ENV, USER, ENTRYPOINT and CMD of the Dockerfile say, and in $variables the environment of the compose file.
container() {
	local name=$1 address=$2 volume=$3 source=$4 target=$5 root=$folder/$1
	cp -a "$folder/image" "$root"
	[[ -e $volume ]] || cp -a "$root/data" "$volume" # a new volume gets what the image has there, with its owner
	mkdir "$root"/{proc,dev}
	mkdir -p "$root$target"
	printf '127.0.0.1 localhost\n10.9.0.1 db\n' > "$root/etc/hosts"
	rm -f "$folder/$name.ready"
	unshare --mount --net bash -ec '
		: > "$1.ready" # it has a network of its own now
		until ip address show dev inside 2> /dev/null | grep -q inet; do sleep 0.05; done
		echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start # as Docker does
		mount -t proc proc "$1/proc"
		mount --bind "$2" "$1/data"
		mount --bind "$3" "$1$4"
		mount -o remount,ro,bind "$1$4"
		mount -t tmpfs tmpfs "$1/dev" && mknod -m 666 "$1/dev/null" c 1 3 && mknod -m 666 "$1/dev/urandom" c 1 9
		shift 4
		exec env -i "$@"
	' - "$root" "$volume" "$source" "$target" "${environment[@]}" "${variables[@]}" chroot --userspec="$user" "$root" "${command[@]}" 2> "$folder/$name.log" &
	local pid=$! # it stays the same until Caddy has its place
	pids[$name]=$pid
	until [[ -e $folder/$name.ready ]]; do sleep 0.05; done
	ip link delete "v$name" 2> /dev/null || true # of one with this name that has ended
	ip link add "v$name" type veth peer name inside address "02:00:00:00:01:${address##*.}"
	ip link set inside netns "$pid"
	ip link set "v$name" master bridge up
	nsenter --target "$pid" --net bash -ec 'ip link set lo up; ip link set inside up; ip address add "$1/24" dev inside' - "$address"
}

# inside <name> <command...> is docker exec.
inside() {
	local pid=${pids[$1]} root=$folder/$1
	shift
	nsenter --target "$pid" --mount --net env -i "${environment[@]}" chroot --userspec="$user" "$root" "$@"
}

declare -A pids
source "$folder/steps"
