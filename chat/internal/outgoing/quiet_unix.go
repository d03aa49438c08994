//go:build unix

package outgoing

import (
	"errors"
	"net"
	"syscall"
)

// isQuiet reports whether a connection is open, and has nothing to read.
func isQuiet(c net.Conn) bool {
	of, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := of.SyscallConn()
	if err != nil {
		return false
	}
	var why error
	err = raw.Read(func(fd uintptr) bool {
		_, _, why = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return true // never wait
	})
	return err == nil && errors.Is(why, syscall.EAGAIN)
}
