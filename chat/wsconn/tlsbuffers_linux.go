package wsconn

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// crypto/tls keeps two buffers for a connection's life that it needs while bytes
// come in only: the handshake leaves 3.5 KiB of them, a third of what a connection
// takes. There is no call to let go of them, so we reach for the fields
// themselves; where a release of Go has no such fields nothing is freed. A test
// says so then.
var tlsBuffers = buffersOf(reflect.TypeFor[tls.Conn](), "rawInput", "hand")

// buffersOf returns the offsets of those of the named fields that are a
// bytes.Buffer.
func buffersOf(t reflect.Type, names ...string) (offsets []uintptr) {
	for _, name := range names {
		if f, ok := t.FieldByName(name); ok && f.Type == reflect.TypeFor[bytes.Buffer]() {
			offsets = append(offsets, f.Offset)
		}
	}
	return offsets
}

// shedBuffers frees those buffers of c that hold nothing. Nobody may be reading
// from c. The next read pays for it with one allocation of 0.6 KiB.
func shedBuffers(c *tls.Conn) {
	for _, offset := range tlsBuffers {
		if b := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(c), offset)); b.Len() == 0 {
			*b = bytes.Buffer{}
		}
	}
}
