#!/bin/sh
# debian_boot.sh ROOT GROUP ARCHIVES - runs the systemd in ROOT until somebody ends it: debian.py has the why.
set -eu
root=$1 group=$2 archives=$3

# In every hierarchy its control groups are below one of its own, which is below ours.
while IFS=: read -r _ name path; do
	[ -n "$name" ] || name=unified
	place=/sys/fs/cgroup/${name#name=}
	[ -d "$place" ] || place=/sys/fs/cgroup
	mkdir "$place$path/$group" || continue
	for file in cpuset.cpus cpuset.mems; do
		[ "$name" != cpuset ] || cat "$place$path/$file" >"$place$path/$group/$file"
	done
	echo $$ >"$place$path/$group/cgroup.procs"
done </proc/self/cgroup

cat >"$root/root/boot" <<-'EOF'
	set -eu
	root=$1 archives=$2 kind=$(stat -f -c %T /sys/fs/cgroup)
	mount --make-rprivate /
	mount --bind "$root" "$root"
	cd "$root"
	mount -t proc proc proc
	mount --bind proc/sys proc/sys
	mount -o remount,bind,ro proc/sys
	mount -t sysfs -o ro sysfs sys
	if [ "$kind" = cgroup2fs ]; then
		mount -t cgroup2 cgroup2 sys/fs/cgroup
	else
		mount -t tmpfs tmpfs sys/fs/cgroup
		mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
		mount -t cgroup -o none,name=systemd systemd sys/fs/cgroup/systemd
		mount -t cgroup2 cgroup2 sys/fs/cgroup/unified || rmdir sys/fs/cgroup/unified
	fi
	mount -t tmpfs -o mode=755 tmpfs dev
	for node in null:3 zero:5 full:7 random:8 urandom:9; do
		mknod -m 666 "dev/${node%:*}" c 1 "${node#*:}"
	done
	mknod -m 666 dev/tty c 5 0
	mkdir dev/pts dev/shm
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
	ln -s pts/ptmx dev/ptmx
	ln -s /proc/self/fd dev/fd
	mount -t tmpfs -o mode=1777 tmpfs dev/shm
	mount -t tmpfs -o mode=755 tmpfs run
	mkdir -p var/cache/apt/archives
	mount --bind "$archives" var/cache/apt/archives
	exec chroot . env -i container=popgate-test /lib/systemd/systemd --system --unit=multi-user.target \
		--log-target=journal --show-status=no
EOF
exec unshare --pid --mount --cgroup --ipc --uts --fork --kill-child sh "$root/root/boot" "$root" "$archives"
