//go:build linux

package load

import (
	"bytes"
	"os"
	"testing"
	"time"
)

func TestPayload_IsPrintableAndHasAChecksum(t *testing.T) {
	for _, size := range []int{MinPayload, 128, 1000} {
		p := appendPayload(nil, 7, 0xabc, 99, size)
		if len(p) != size {
			t.Fatalf("%d bytes, want %d", len(p), size)
		}
		if sender, seq, ok := parseOrigin(p); !ok || sender != 0xabc || seq != 99 {
			t.Errorf("origin %x %d %v", sender, seq, ok)
		}
		if !valid(p, 7) || valid(p, 8) {
			t.Error("another run is not detected")
		}
		for i := range p {
			if p[i] <= ' ' || p[i] > '~' || p[i] == '"' || p[i] == '\\' {
				t.Fatalf("byte %d is %q", i, p[i])
			}
			p[i] ^= 1
			if valid(p, 7) {
				t.Errorf("a change of byte %d is not detected", i)
			}
			p[i] ^= 1
		}
	}
}

func TestReadFrame_Incomplete_Waits(t *testing.T) {
	for _, size := range []int{0, 1, 125, 126, 300, 65535} {
		payload := bytes.Repeat([]byte{'x'}, size)
		frame := unmaskedFrame(payload)
		for _, n := range []int{0, 1, 2, 3, len(frame) - 1} {
			if n < len(frame) {
				if _, used, err := readFrame(frame[:n]); used != 0 || err != nil {
					t.Errorf("size %d, the first %d bytes: used %d, %v", size, n, used, err)
				}
			}
		}
		got, used, err := readFrame(append(frame, 0x81))
		if got.opcode != opText || !got.last || !bytes.Equal(got.payload, payload) || used != len(frame) || err != nil {
			t.Errorf("size %d: opcode %d, %d bytes, used %d, %v", size, got.opcode, len(got.payload), used, err)
		}
	}
}

func TestReadFrame_Invalid_IsAnError(t *testing.T) {
	for name, b := range map[string][]byte{
		"masked":     {0x81, 0x80, 0, 0, 0, 0},
		"compressed": {0xc1, 0x00},
		"too long":   {0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0},
	} {
		if _, _, err := readFrame(b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDialects_Unwrap(t *testing.T) {
	inner := []byte("payload")
	for name, received := range map[string]string{
		"raw":        `payload`,
		"socket.io":  `42["m","payload"]`,
		"centrifuge": `{"push":{"channel":"r0","pub":{"data":"payload"}}}`,
	} {
		d, err := DialectNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		w := d.codec()
		if got := w.unwrap([]byte(received)); !bytes.Equal(got, inner) {
			t.Errorf("%s: %q", name, got)
		}
		if w.isPing([]byte(received)) || name != "raw" && !w.isPing([]byte(d.Ping)) {
			t.Errorf("%s: ping", name)
		}
	}
}

func TestHistogram_Quantile_IsWithinABucket(t *testing.T) {
	var h histogram
	for i := int64(1); i <= 100_000; i++ {
		h.record(i * 1000)
	}
	for _, q := range []float64{0.001, 0.5, 0.99, 1} {
		want := time.Duration(q * 1e8)
		if got := h.quantile(q); got < want*96/100 || got > want*104/100 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	for _, n := range []int64{0, 1, 31, 32, 63, 64, 65, 1 << 40, 1<<62 + 1} {
		if i := bucket(n); lowerBound(i) > n || lowerBound(i+1) <= n {
			t.Errorf("%d is in bucket %d, from %d to %d", n, i, lowerBound(i), lowerBound(i+1))
		}
	}
}

func TestProcesses_ReadThisOne(t *testing.T) {
	p := processes{os.Getpid()}
	for { // until this process has used CPU time
		cpu, err := p.cpu()
		if err != nil {
			t.Fatal(err)
		}
		if cpu > 0 {
			break
		}
	}
	if kib, err := p.rss(); err != nil || kib < 1000 {
		t.Errorf("rss %v, %v", kib, err)
	}
	if n, err := p.descriptors(); err != nil || n < 3 {
		t.Errorf("descriptors %v, %v", n, err)
	}
}

func TestParseStat_NameWithBrackets(t *testing.T) {
	stat := []byte("42 (a) (b c) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20")
	if got, err := parseStat(stat); err != nil || got != 2*time.Second {
		t.Errorf("%v, %v", got, err)
	}
}
