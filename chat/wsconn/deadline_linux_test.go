package wsconn

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fill writes to the kernel until it takes no more.
func fill(t *testing.T, nc net.Conn) {
	t.Helper()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 64<<10)
	for err == nil {
		ctl := raw.Control(func(fd uintptr) { err = unix.Sendto(int(fd), p, unix.MSG_DONTWAIT, nil) })
		if ctl != nil {
			t.Fatal(ctl)
		}
	}
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
}

// The kernel sees a peer read long before epoll calls the socket writable.
func TestSocket_Progress_IsWhatThePeerTakes(t *testing.T) {
	for _, secured := range []bool{false, true} {
		server, client := plainPair(t)
		if err := client.(*net.TCPConn).SetReadBuffer(8 << 10); err != nil {
			t.Fatal(err)
		}
		var s socket
		e := NewEngine(Config{})
		defer e.Close(context.Background())
		fill(t, server)
		fd := func() int { return int(s.(*fdSocket).fd) }
		if secured { // its handshake is of no importance here
			tlsServer := tls.Server(server, &tls.Config{})
			s = tlsSocketOf(t, tlsServer)
			fd = func() int { return int(s.(*tlsSocket).fd) }
		} else {
			var err error
			if s, err = e.sockets.open(server); err != nil {
				t.Fatal(err)
			}
			defer s.close()
		}
		// What is on its way arrives first: then nothing moves.
		for p, same := s.progress(), 0; same < 20; time.Sleep(time.Millisecond) {
			if p = s.progress(); !p.left {
				t.Fatal("the peer has taken all")
			}
			if same++; p.some {
				same = 0
			}
		}
		took := false
		p := make([]byte, 4<<10)
		for !took && !writableNow(fd()) {
			if _, err := client.Read(p); err != nil {
				t.Fatal(err)
			}
			took = s.progress().some
		}
		if !took {
			t.Errorf("secured %v: epoll was first", secured)
		}
	}
}

// crypto/tls writes within Read, so a Read leaves no room that is sure.
func TestTLSSocket_ReadUsesUpRoom_WritesAtOnceAsksAgain(t *testing.T) {
	server, _ := securePair(t)
	s := tlsSocketOf(t, server)
	if !s.writesAtOnce(1) {
		t.Fatal("an empty send buffer has no room")
	}
	fill(t, server.NetConn()) // in place of many answers to key updates
	expectNothing(t, s)
	if s.writesAtOnce(1) {
		t.Error("a full send buffer has room")
	}
}
