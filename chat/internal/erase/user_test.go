package erase

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// What was erased before an erasure ended early is told with the error.
func TestUser_SoFar(t *testing.T) {
	u := User{Messages: 7, Rooms: 2}
	if err := u.SoFar(nil); err != nil {
		t.Error(err)
	}
	cause := errors.New("x")
	for _, err := range []error{wire.Unavailable.Error(""), cause} {
		got := u.SoFar(err)
		var told *wire.Error
		if !errors.As(got, &told) || told.Code != wire.Unavailable || !told.Uncertain || !strings.Contains(told.Message, "7 messages in 2 rooms") || err == cause && !errors.Is(got, cause) {
			t.Errorf("%v: %v", err, got)
		}
	}
	if again := wire.Unavailable.Error(""); again.Uncertain || strings.Contains(again.Message, "7") {
		t.Errorf("the code's own error is now %v", again)
	}
}
