#!/usr/bin/env bash
# systemd.sh <folder> runs <folder>/steps as root under a systemd of its own: PID 1 of new namespaces, on a
# copy of the system that is forgotten afterwards, with no network but its own lo. <folder>/out gets what the steps print;
# the exit code is theirs. It needs root.
set -euo pipefail
folder=$1
if [[ ${2-} != inside ]]; then
	exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup --propagation private bash "$0" "$folder" inside
fi
: > "$folder/ready" # the namespaces are there
mount -t tmpfs tmpfs "$folder/copy"
mkdir "$folder"/copy/{upper,work,all}
root=$folder/copy/all
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/copy/upper,workdir=$folder/copy/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for dir in run tmp home; do mount -t tmpfs tmpfs "$root/$dir"; done
mount --rbind /dev "$root/dev"
if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else # both versions
	mount -t tmpfs cgroup "$root/sys/fs/cgroup"
	mkdir "$root"/sys/fs/cgroup/{unified,systemd}
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
	mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
fi
ip link set lo up
mkdir "$root/clone"
mount --rbind "$folder" "$root/clone"
cat > "$root/etc/systemd/system/steps.service" <<-end
	[Unit]
	DefaultDependencies=no
	SuccessAction=exit-force
	FailureAction=exit-force
	[Service]
	Type=oneshot
	WorkingDirectory=/clone
	Environment=HOME=/root
	ExecStart=/bin/bash /clone/steps
	StandardOutput=append:/clone/out
	StandardError=append:/clone/out
end
cd "$root"
mkdir old
pivot_root . old
umount --lazy old
exec env -i container=test "PATH=$PATH" /lib/systemd/systemd --system --unit=steps.service --log-target=null --show-status=no
