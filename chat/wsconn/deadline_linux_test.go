package wsconn

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// deadlineConn knows which write deadline stands.
type deadlineConn struct {
	*net.TCPConn
	mu    sync.Mutex // guards until
	until time.Time
}

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.until = t
	c.mu.Unlock()
	return c.TCPConn.SetWriteDeadline(t)
}

func (c *deadlineConn) writeDeadline() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until
}

// keyUpdate returns the record in which a TLS 1.3 client, the first of whose records
// after the handshake it is, changes its keys and asks the server to do so too (RFC
// 8446 sections 4.6.3, 5.2 and 7.3). keyLog is what Config.KeyLogWriter got.
func keyUpdate(t *testing.T, suite uint16, keyLog string) []byte {
	t.Helper()
	if suite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("crypto/tls prefers another cipher suite on this processor")
	}
	var secret []byte
	for line := range strings.Lines(keyLog) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			secret, _ = hex.DecodeString(f[2])
		}
	}
	expand := func(label string, length int) []byte {
		label = "tls13 " + label
		info := binary.BigEndian.AppendUint16(nil, uint16(length))
		info = append(append(append(info, byte(len(label))), label...), 0)
		key, err := hkdf.Expand(sha256.New, secret, string(info), length)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	block, err := aes.NewCipher(expand("key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	const keyUpdateType, updateRequested, handshakeRecord = 24, 1, 22
	inner := []byte{keyUpdateType, 0, 0, 1, updateRequested, handshakeRecord}
	header := []byte{23, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	return aead.Seal(header, expand("iv", 12), inner, header) // the record's number is 0
}

func TestTLSSocket_KeyUpdateAfterSilence_IsAnswered(t *testing.T) {
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	inner, outer := plainPair(t)
	below := &deadlineConn{TCPConn: inner.(*net.TCPConn)}
	var keyLog strings.Builder
	server := tls.Server(below, &tls.Config{Certificates: ts.TLS.Certificates})
	client := tls.Client(outer, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &keyLog})
	shaken := make(chan error, 1)
	go func() { shaken <- client.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}

	e := NewEngine(Config{WriteTimeout: 10 * time.Millisecond})
	defer e.Close(context.Background())
	r := newRecorder()
	c, err := e.Attach(server, false, r)
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	say := func(text string) {
		t.Helper()
		if err := c.Send(AppendFrame(nil, ws.OpText, false, []byte(text))); err != nil {
			t.Fatal(err)
		}
		client.SetReadDeadline(time.Now().Add(10 * time.Second))
		if f, err := readFrame(client); err != nil || string(f.Payload) != text {
			t.Fatalf("got %q, %v", f.Payload, err)
		}
	}
	say("before")
	until := below.writeDeadline()
	if !until.IsZero() {
		t.Errorf("a write deadline stands while nothing is written")
		time.Sleep(time.Until(until))
	}
	if _, err := outer.Write(keyUpdate(t, client.ConnectionState().CipherSuite, keyLog.String())); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); e.Parked() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not parked")
		}
	}
	say("after")
}

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
