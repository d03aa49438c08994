#!/usr/bin/env bash
# standby.sh <folder> runs two machines: <folder>/primary at 10.0.0.1 and <folder>/standby at 10.0.0.2, each under a systemd of its
# own, see systemd.sh. Both have <folder>/common at /clone/common. It needs root.
set -euo pipefail
folder=$1 here=$(dirname "${BASH_SOURCE[0]}")
if [[ ${2-} != inside ]]; then
	exec unshare --mount --pid --fork --kill-child --net --propagation private bash "$0" "$folder" inside
fi
mount -t proc proc /proc
ip link add bridge address 02:00:00:00:00:01 type bridge
ip link set bridge up

# own puts what calls it into cgroups of its own: two systemds in the same ones end each other's processes.
mkdir "$folder"/{unified,systemd}
mount -t cgroup2 cgroup2 "$folder/unified"
mount -t cgroup -o none,name=systemd cgroup "$folder/systemd" 2> /dev/null || true # there is version 2 only
own() {
	local kind at tree
	while IFS=: read -r _ kind at; do
		case $kind in '') tree=unified ;; name=systemd) tree=systemd ;; *) continue ;; esac
		mkdir -p "$folder/$tree$at/caddy-chat-$1"
		echo $BASHPID > "$folder/$tree$at/caddy-chat-$1/cgroup.procs"
	done < /proc/self/cgroup
}

pids=()
for machine in primary:1 standby:2; do
	name=${machine%:*} number=${machine#*:}
	mkdir "$folder/$name/common"
	mount --bind "$folder/common" "$folder/$name/common"
	(own "$$-$name" && exec bash "$here/systemd.sh" "$folder/$name") &
	pids+=($!)
	until [[ -e $folder/$name/ready ]]; do sleep 0.05; done
	ip link add "cable$number" type veth peer name card
	ip link set card netns $!
	ip link set "cable$number" master bridge up
	nsenter --target $! --net bash -ec 'ip link set card up; ip address add "10.0.0.$1/24" dev card' - "$number"
done
for pid in "${pids[@]}"; do wait "$pid"; done
find "$folder"/{unified,systemd} -depth -type d -path '*/caddy-chat-*' -exec rmdir {} + 2> /dev/null || true
