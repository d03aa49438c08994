package chat

import (
	"testing"
	"unsafe"
)

// Most connections are idle, so what each takes decides how many a machine holds. Memory is
// given in steps: 225 bytes would take 240. What few sessions need goes behind a pointer.
func TestSession_IsSmall(t *testing.T) {
	if n := unsafe.Sizeof(session{}); n > 224 {
		t.Errorf("a session has %d bytes", n)
	}
}
