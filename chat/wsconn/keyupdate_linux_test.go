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
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
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

// rekeying is the sending side of a TLS 1.3 client that changes its keys whenever its
// test likes, which crypto/tls does not offer (RFC 8446 sections 4.6.3, 5.2, 7.2 and 7.3).
type rekeying struct {
	t      *testing.T
	client *tls.Conn // which reads only
	secret []byte
	aead   cipher.AEAD
	iv     []byte
	number uint64 // of the next record
}

// newRekeying takes over from a client that has sent nothing since its handshake. keyLog
// is what Config.KeyLogWriter got.
func newRekeying(t *testing.T, client *tls.Conn, keyLog string) *rekeying {
	t.Helper()
	if client.ConnectionState().CipherSuite != tls.TLS_AES_128_GCM_SHA256 {
		t.Skip("crypto/tls prefers another cipher suite on this processor")
	}
	r := &rekeying{t: t, client: client}
	for line := range strings.Lines(keyLog) {
		if f := strings.Fields(line); f[0] == "CLIENT_TRAFFIC_SECRET_0" {
			r.secret, _ = hex.DecodeString(f[2])
		}
	}
	r.setKeys()
	return r
}

func (r *rekeying) expand(label string, length int) []byte {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(append(append(info, byte(len(label))), label...), 0)
	key, err := hkdf.Expand(sha256.New, r.secret, string(info), length)
	if err != nil {
		r.t.Fatal(err)
	}
	return key
}

func (r *rekeying) setKeys() {
	block, err := aes.NewCipher(r.expand("key", 16))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.aead, err = cipher.NewGCM(block); err != nil {
		r.t.Fatal(err)
	}
	r.iv, r.number = r.expand("iv", 12), 0
}

// record returns a record of this type.
func (r *rekeying) record(typ byte, data []byte) []byte {
	inner := append(data[:len(data):len(data)], typ)
	header := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(inner)+r.aead.Overhead()))
	nonce := append([]byte(nil), r.iv...)
	for i := range 8 {
		nonce[4+i] ^= byte(r.number >> (56 - 8*i))
	}
	r.number++
	return r.aead.Seal(header, nonce, inner, header)
}

func (r *rekeying) data(p []byte) []byte { return r.record(23, p) }

// update returns a record that changes the keys and asks the server to do so too.
func (r *rekeying) update() []byte {
	const keyUpdate, updateRequested = 24, 1
	p := r.record(22, []byte{keyUpdate, 0, 0, 1, updateRequested})
	r.secret = r.expand("traffic upd", 32)
	r.setKeys()
	return p
}

// rekeyingPair returns a TLS server, what is below it, and both sides of its client: outer
// is what the client writes to below TLS.
func rekeyingPair(t *testing.T) (below *deadlineConn, server *tls.Conn, outer net.Conn, client *rekeying) {
	t.Helper()
	ts := httptest.NewTLSServer(nil) // for its certificate
	defer ts.Close()
	inner, outer := plainPair(t)
	below = &deadlineConn{TCPConn: inner.(*net.TCPConn)}
	var keyLog strings.Builder
	server = tls.Server(below, &tls.Config{Certificates: ts.TLS.Certificates})
	reader := tls.Client(outer, &tls.Config{InsecureSkipVerify: true, KeyLogWriter: &keyLog})
	shaken := make(chan error, 1)
	go func() { shaken <- reader.Handshake() }()
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return below, server, outer, newRekeying(t, reader, keyLog.String())
}

func TestTLSSocket_KeyUpdateAfterSilence_IsAnswered(t *testing.T) {
	below, server, outer, k := rekeyingPair(t)
	client := k.client
	e := NewEngine(Config{WriteTimeout: time.Second})
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
	if _, err := outer.Write(k.update()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); e.Parked() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not parked")
		}
	}
	say("after")
}

// A client pays for small records of a large message: each may come behind key updates,
// which cost the server much more than their bytes. More updates in a row than crypto/tls
// permits end the connection.
func TestTLSSocket_KeyUpdates_AreBounded(t *testing.T) {
	const mostInARow = 16
	for _, c := range []struct {
		name                  string
		record, updates, sent int // bytes, how many before each, and bytes in all
		want                  func(error) bool
	}{
		{"small records", 900, 1, 2 * littleAtOnce * 900, func(err error) bool { return err == errTooManyFrames }},
		{"large records", 1 << 10, 1, 5 * littleAtOnce / 4 << 10, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"as many in a row as may be", 1 << 10, mostInARow, 10 << 10, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{"one more", 1 << 10, mostInARow + 1, 10 << 10, func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "too many non-advancing records")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, server, outer, k := rekeyingPair(t)
			e := NewEngine(Config{MaxMessage: c.sent})
			defer e.Close(context.Background())
			r := newRecorder()
			conn, err := e.Attach(server, false, r)
			if err != nil {
				t.Fatal(err)
			}
			conn.Start()
			answered := make(chan struct{})
			go func() { // the answers to the updates, and what else comes
				io.Copy(io.Discard, outer)
				close(answered)
			}()
			message := clientFrame(ws.OpBinary, true, make([]byte, c.sent-100))
			for len(message) > 0 && err == nil {
				var out []byte
				for range c.updates {
					out = append(out, k.update()...)
				}
				n := min(len(message), c.record)
				_, err = outer.Write(append(out, k.data(message[:n])...))
				message = message[n:]
			}
			outer.(*net.TCPConn).CloseWrite() // fails only where the server has closed
			<-r.closed
			<-answered
			if !c.want(r.err) {
				t.Errorf("ended by %v", r.err)
			}
		})
	}
}
