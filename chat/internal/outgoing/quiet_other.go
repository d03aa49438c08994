//go:build !unix

package outgoing

import "net"

// isQuiet is never sure on other systems, so no connection is used twice there.
func isQuiet(net.Conn) bool { return false }
