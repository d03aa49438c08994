package webhook

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

// fullDisk is a journal that keeps no positions while its disk is full. What was recorded before
// can be read.
type fullDisk struct {
	journal.Journal
	full atomic.Bool
}

func (j *fullDisk) Records() journal.Records { return fullRecords{j.Journal.Records(), j} }

type fullRecords struct {
	journal.Records
	of *fullDisk
}

func (r fullRecords) Update(ctx context.Context, key string, f func([]byte) ([]byte, error)) error {
	if r.of.full.Load() {
		return fmt.Errorf("%w: the disk is full", journal.ErrUnavailable)
	}
	return r.Records.Update(ctx, key, f)
}

// While the disk is full the position does not move. What was on its way comes again afterwards,
// also from a server that was started meanwhile; nothing is missing, and a receiver is not asked
// again and again. The log says it once a minute.
func TestSender_DiskFull_RepeatsAndLosesNothing(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			j := &fullDisk{Journal: memjournal.New(memjournal.Options{})}
			defer j.Close()
			hook := hookTo(t, "https://example.com/")
			r := newReceiver(t)
			r.set(func(n int, _ body) int {
				if n == 2 { // before its position is written
					j.full.Store(true)
				}
				return 200
			})
			s := begin(t, j, r, hook)
			synctest.Wait()
			var want []uint64
			for range 2 {
				want = append(want, uint64(say(t, j, "tea", "x").Seq))
				time.Sleep(time.Second) // fake
			}
			want = append(want, uint64(say(t, j, "tea", "y").Seq))
			before := s.Status()[0].Requests
			time.Sleep(10 * time.Minute)
			if n := s.Status()[0].Requests - before; n != 0 {
				t.Errorf("restarts %v: %d requests on a full disk", restarts, n)
			}
			const says = "the position of a webhook can't be written"
			if n := s.logs.FilterMessage(says).Len() + s.logs.FilterMessage(says+": the last events may come twice").Len(); n < 9 || n > 11 {
				t.Errorf("restarts %v: it was said %d times in ten minutes", restarts, n)
			}
			if restarts {
				s.end()
				s = begin(t, j, r, hook)
				time.Sleep(time.Minute)
			}
			defer func() { s.end() }()
			j.full.Store(false)
			time.Sleep(time.Minute)
			if got := r.record()["tea"]; !slices.Equal(got, want) || r.events() != len(want)+1 {
				t.Errorf("restarts %v: the receiver has %v of %v, with repeats %d", restarts, got, want, r.events())
			}
		})
	}
}
