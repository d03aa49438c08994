package wsconn

import (
	"bytes"
	"context"
	"crypto/tls"
	"reflect"
	"testing"
)

// bufferSizes returns how much c's own buffers take.
func bufferSizes(t *testing.T, c *tls.Conn) (rawInput, hand int) {
	t.Helper()
	size := func(name string) int {
		f := reflect.ValueOf(c).Elem().FieldByName(name)
		if !f.IsValid() || f.Type() != reflect.TypeFor[bytes.Buffer]() {
			t.Fatalf("a tls.Conn of this Go has no buffer %s any more", name)
		}
		return f.FieldByName("buf").Cap()
	}
	return size("rawInput"), size("hand")
}

func TestParkingSocket_Quiet_HoldsNoBuffers(t *testing.T) {
	server, client := securePair(t)
	if in, hand := bufferSizes(t, server); in == 0 || hand == 0 {
		t.Fatalf("the handshake left %d and %d bytes: there is nothing to free", in, hand)
	}
	s := parkingSocketOf(t, server)
	for _, message := range []string{"one", "two"} {
		expectNothing(t, s)
		if in, hand := bufferSizes(t, server); in != 0 || hand != 0 {
			t.Errorf("it still holds %d and %d bytes", in, hand)
		}
		if _, err := client.Write([]byte(message)); err != nil {
			t.Fatal(err)
		}
		expectRead(t, s, message)
	}
}

func TestParkingSocket_QuietWithinARecord_KeepsWhatCame(t *testing.T) {
	server, client := securePair(t)
	s := parkingSocketOf(t, server)
	var record bytes.Buffer
	below := client.NetConn().(*diverted)
	below.to = &record
	if _, err := client.Write([]byte("one")); err != nil {
		t.Fatal(err)
	}
	if _, err := below.Conn.Write(record.Next(record.Len() / 2)); err != nil {
		t.Fatal(err)
	}
	expectNothing(t, s)
	if _, err := below.Conn.Write(record.Bytes()); err != nil {
		t.Fatal(err)
	}
	expectRead(t, s, "one")
}

func parkingSocketOf(t *testing.T, c *tls.Conn) socket {
	t.Helper()
	e, err := NewEngine(Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close(context.Background()) })
	s, err := e.newSocket(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

func expectNothing(t *testing.T, s socket) {
	t.Helper()
	if n, err := s.read(make([]byte, 100)); n != 0 || err != errAgain {
		t.Fatalf("read: %d, %v", n, err)
	}
}

func expectRead(t *testing.T, s socket, want string) {
	t.Helper()
	p := make([]byte, len(want))
	for n := 0; n < len(p); {
		read, err := s.read(p[n:])
		if err != nil && err != errAgain {
			t.Fatal(err)
		}
		n += read
	}
	if string(p) != want {
		t.Errorf("read %q, want %q", p, want)
	}
}
