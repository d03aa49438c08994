package wire

import (
	"regexp"
	"testing"
	"time"
)

func TestCodes_Table_IsConsistent(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	names, closes := map[string]bool{}, map[uint16]bool{}
	for c := range Codes() {
		if !name.MatchString(c.String()) || names[c.String()] {
			t.Errorf("code %d has the name %q", c, c)
		}
		names[c.String()] = true
		if c.Reason() == "" || len(c.Reason()) > 123 {
			t.Errorf("%v: reason %q does not fit a close frame", c, c.Reason())
		}
		if c.Close() == 0 {
			continue
		}
		if closes[c.Close()] {
			t.Errorf("%v: close code %d has another code too", c, c.Close())
		}
		closes[c.Close()] = true
		if ours := 4000 <= c.Close() && c.Close() <= 4999; c != Shutdown && !ours {
			t.Errorf("%v: close code %d", c, c.Close())
		}
		if comesBack := c.Retry() >= 0; comesBack != c.ComesBack() {
			t.Errorf("%v: retry %v, close code %d", c, c.Retry(), c.Close())
		}
	}
	if len(names) != int(Shutdown) {
		t.Errorf("%d codes, want %d", len(names), Shutdown)
	}
}

func TestBye_Retry_DoesNotContradictCloseCode(t *testing.T) {
	bye := Banned.Bye()
	bye.Retry = time.Minute
	want := `{"type":"bye","code":"banned","message":"you are banned","retry":false}`
	if got := string(bye.Append(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

func TestError_Retry_IsRoundedUp(t *testing.T) {
	e := TooFast.Error("3")
	e.Retry = 1200*time.Millisecond - time.Nanosecond
	want := `{"type":"error","id":"3","code":"too_fast","message":"you are sending too fast","retry":1200}`
	if got := string(e.Append(nil)); got != want {
		t.Errorf("got %s", got)
	}
}
