package caddymodule_test

import (
	"bytes"
	"compress/flate"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

const deflateAnswer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// overAll runs f with every carrier of a site with compression.
func overAll(t *testing.T, f func(t *testing.T, c carrier)) {
	t.Helper()
	s := testcaddy.Start(t, "chat {\ncompression on\nmax_message 64KiB\n"+testcaddy.FastLimits+"}")
	all := streamCarriers(s)
	all["h1"] = overH1(s)
	for name, c := range all {
		t.Run(name, func(t *testing.T) { f(t, c) })
	}
	s.NoErrors()
}

// deflating connects a client with this offer of compression and returns the answer of
// the server.
func (c carrier) deflating(t *testing.T, uri, offer string) (conn net.Conn, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, res, err := c(ctx, uri, http.Header{"Sec-Websocket-Extensions": {offer}})
	if err != nil || conn == nil {
		t.Fatalf("%v, %v", res, err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn, res.Header.Get("Sec-Websocket-Extensions")
}

// deflate compresses one message without context takeover (RFC 7692 section 7.2.1).
func deflate(t *testing.T, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = w.Write(plain); err == nil {
		err = w.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{0, 0, 0xff, 0xff})
}

// inflate decompresses one message without context takeover.
func inflate(t *testing.T, p []byte) string {
	t.Helper()
	r := flate.NewReader(io.MultiReader(bytes.NewReader(p), strings.NewReader("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// rsv1 marks a compressed message (RFC 7692 section 6).
var rsv1 = ws.Rsv(true, false, false)

// writeFrame writes a frame with these reserved bits.
func writeFrame(t *testing.T, conn net.Conn, op ws.OpCode, fin bool, rsv byte, payload []byte) {
	t.Helper()
	if _, err := conn.Write(clientFrame(op, fin, rsv, payload)); err != nil {
		t.Fatal(err)
	}
}

func clientFrame(op ws.OpCode, fin bool, rsv byte, payload []byte) []byte {
	f := ws.NewFrame(op, fin, bytes.Clone(payload))
	f.Header.Rsv = rsv
	return ws.MustCompileFrame(ws.MaskFrameWith(f, [4]byte{1, 2, 3, 4}))
}

// A client that offers compression receives long messages compressed, each separately.
// A client that does not offer it receives the same messages uncompressed.
func TestCompression_IsForClientsThatOfferIt(t *testing.T) {
	long := strings.Repeat("the same words again ", 200)
	overAll(t, func(t *testing.T, c carrier) {
		speaker, answer := c.deflating(t, "/chat?room="+t.Name(), "permessage-deflate; client_max_window_bits")
		if answer != deflateAnswer {
			t.Fatalf("agreed on %q", answer)
		}
		one, _ := c.deflating(t, "/chat?room="+t.Name(), "permessage-deflate")
		two, _ := c.deflating(t, "/chat?room="+t.Name(), "x-other, permessage-deflate; server_no_context_takeover")
		plain := c.stream(t, "/chat?room="+t.Name())

		small := deflate(t, []byte(long))
		writeFrame(t, speaker, ws.OpText, true, rsv1, small)
		writeFrame(t, speaker, ws.OpText, false, rsv1, small[:7]) // and once more, in two fragments
		writeFrame(t, speaker, ws.OpContinuation, true, 0, small[7:])
		writeFrame(t, speaker, ws.OpText, true, rsv1, deflate(t, []byte("short")))
		writeFrame(t, speaker, ws.OpBinary, true, 0, []byte("not compressed"))

		var first []byte
		for i, want := range []string{long, long, "short", "not compressed"} {
			for _, conn := range []net.Conn{one, two} {
				h, p := readFrame(t, conn)
				if compressed := len(want) > 1000; h.Rsv1() != compressed {
					t.Errorf("message %d: compressed is %v", i, h.Rsv1())
				}
				if h.Rsv1() {
					if first == nil {
						first = p
					}
					if len(p) > len(long)/20 || !bytes.Equal(p, first) {
						t.Errorf("message %d has %d bytes, compressed and shared it had %d", i, len(p), len(first))
					}
					p = []byte(inflate(t, p))
				}
				if string(p) != want {
					t.Errorf("message %d is %q", i, p)
				}
			}
			if h, p := readFrame(t, plain); h.Rsv != 0 || string(p) != want {
				t.Errorf("message %d without compression: rsv %b, %q", i, h.Rsv, p)
			}
		}
	})
}

// A compressed message may have max_message bytes when it is decompressed, and no more.
// A longer one costs no more memory than that.
func TestCompression_BadInput(t *testing.T) {
	const max = 64 << 10
	megabyte := deflate(t, make([]byte, 1<<20)) // it refers to nothing before it, and may be repeated
	bomb := bytes.Repeat(append(megabyte, 0, 0, 0xff, 0xff), 50)
	for name, bad := range map[string]struct {
		rsv     byte
		payload []byte
		code    ws.StatusCode
	}{
		"a bomb":               {rsv1, bomb, ws.StatusMessageTooBig},
		"a byte too many":      {rsv1, deflate(t, make([]byte, max+1)), ws.StatusMessageTooBig},
		"too long as it comes": {rsv1, make([]byte, max+1), ws.StatusMessageTooBig},
		"garbage":              {rsv1, []byte{0xff, 0xff, 0xff}, ws.StatusInvalidFramePayloadData},
		"no UTF-8 inside":      {rsv1, deflate(t, []byte{'a', 0xff}), ws.StatusInvalidFramePayloadData},
		"another bit":          {ws.Rsv(false, true, false), []byte("x"), ws.StatusProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			overAll(t, func(t *testing.T, c carrier) {
				conn, _ := c.deflating(t, "/chat", "permessage-deflate")
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				// It may be refused before all of it has been written.
				_, _ = conn.Write(clientFrame(ws.OpText, true, bad.rsv, bad.payload))
				if code, _ := closeCode(t, conn); code != bad.code {
					t.Errorf("closed with %d, want %d", code, bad.code)
				}
				runtime.ReadMemStats(&after)
				if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
					t.Errorf("took %d bytes of memory", n)
				}
			})
		})
	}
	overAll(t, func(t *testing.T, c carrier) {
		speaker, _ := c.deflating(t, "/chat", "permessage-deflate")
		listener := c.stream(t, "/chat")
		writeFrame(t, speaker, ws.OpBinary, true, rsv1, deflate(t, make([]byte, max)))
		if h, _ := readFrame(t, listener); h.Length != max {
			t.Errorf("the longest message arrives with %d bytes", h.Length)
		}
		// A client that has not negotiated compression must not compress.
		writeFrame(t, listener, ws.OpText, true, rsv1, deflate(t, []byte("x")))
		if code, _ := closeCode(t, listener); code != ws.StatusProtocolError {
			t.Errorf("closed with %d", code)
		}
	})
}

func TestCompression_OffByDefault(t *testing.T) {
	s := testcaddy.Start(t, "chat")
	if _, answer := overH1(s).deflating(t, "/chat", "permessage-deflate"); answer != "" {
		t.Errorf("agreed on %q", answer)
	}
}
