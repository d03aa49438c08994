package testcaddy

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"
)

var usedPorts sync.Map

// FreeAddr returns a loopback address that nobody listens on, another one each time.
// Its port is below those that the system gives to clients: a client, such as one of
// another package's tests, could take one of those before Caddy listens.
func FreeAddr(t *testing.T) string {
	t.Helper()
	for {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		if _, used := usedPorts.LoadOrStore(port, true); used {
			continue
		}
		tcp, err := net.Listen("tcp", ":"+port)
		if err == nil {
			var udp net.PacketConn
			if udp, err = net.ListenPacket("udp", ":"+port); err == nil {
				udp.Close()
			}
			tcp.Close()
		}
		switch {
		case err == nil:
			return net.JoinHostPort("127.0.0.1", port)
		case !errors.Is(err, syscall.EADDRINUSE):
			t.Fatal(err)
		}
	}
}
