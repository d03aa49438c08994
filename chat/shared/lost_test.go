package shared_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/shared/internal/fake"
)

// What no hint tells of is heard within a second, whenever it is recorded.
func TestHints_Lost_HeardInASecond(t *testing.T) {
	for name, faults := range map[string]fake.Faults{
		"no hint arrives":     {DropHint: 1},
		"nobody hears a hint": {Deaf: 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newPair(t)
			defer p.close()
			for _, e := range p.engines {
				e.Set(faults)
			}
			time.Sleep(noticed) // the nodes know of each other: otherwise no hint is sent
			for i := range 20 {
				p.message(0, fmt.Sprint(i))
				began := time.Now()
				for {
					if n, _ := p.hearers[2].got(); n == i+1 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("%s: entry %d was heard after %v", name, i, took)
				}
				time.Sleep(time.Duration(i) * 37 * time.Millisecond)
			}
			p.wantHeard(20, 0)
		})
	}
}
