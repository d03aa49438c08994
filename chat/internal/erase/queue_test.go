package erase

import (
	"context"
	"errors"
	"testing"
)

// Whoever may not erase is told so at once, and an erasure waits for another one as long as its
// context lets it.
func TestQueue_Refused_WaitsForNobody(t *testing.T) {
	var q Queue
	unlock, err := q.Lock(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	forbidden := errors.New("forbidden")
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx           context.Context
		refused, want error
	}{{t.Context(), forbidden, forbidden}, {ended, nil, context.Canceled}} {
		unlockNone, err := q.Lock(c.ctx, c.refused)
		if unlockNone(); !errors.Is(err, c.want) {
			t.Errorf("got %v, want %v", err, c.want)
		}
	}
	unlock()
	if unlock, err = q.Lock(t.Context(), nil); err != nil {
		t.Error(err)
	}
	unlock()
}
