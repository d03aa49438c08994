//go:build unix

package failstop

import "golang.org/x/sys/unix"

// writable returns an error if this process may not create and remove files in
// dir, or if its disk is read-only. It changes nothing.
func writable(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }
