package chat

import (
	"testing"
	"unsafe"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Most connections are idle, so what each takes decides how many a machine holds. Memory is
// given in steps: 225 bytes would take 240. What few sessions need goes behind a pointer.
func TestSession_IsSmall(t *testing.T) {
	if n := unsafe.Sizeof(session{}); n > 224 {
		t.Errorf("a session has %d bytes", n)
	}
}

// No hub takes a message that is longer than what an export may have in a line.
func TestSettings_MaxMessage_IsBounded(t *testing.T) {
	if got := (Settings{MaxMessage: journal.MaxBody + 1}).withDefaults().MaxMessage; got != journal.MaxBody {
		t.Errorf("MaxMessage is %d, want %d", got, journal.MaxBody)
	}
}
