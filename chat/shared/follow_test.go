package shared

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// lacking is an Engine that has lost the entries of a room.
type lacking struct {
	Engine
	asked int
}

func (e *lacking) Pages(context.Context, []PageQuery, int) ([]journal.Page, error) {
	e.asked++
	return []journal.Page{{Epoch: "e", First: 1}}, nil
}

type toldLost struct{ lost []journal.Lost }

func (l *toldLost) Deliver(journal.Entry)     {}
func (l *toldLost) Lost(because journal.Lost) { l.lost = append(l.lost, because) }

// Whoever begins to follow when the store is rolled back was told of an entry that is not there: it asks whether the store is the one that
// it knows, and does not read without end.
func TestFollow_EntryIsLostMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &lacking{}
		c := newCore(e, nil)
		s := newPart(c, nil, 0, Marks{Epoch: "e", Parts: []Mark{{Row: 1}}}).stream
		looks := 0
		c.sure = func() error {
			if looks++; looks == 3 {
				s.beginAgain(Marks{Epoch: "f", Parts: []Mark{{}}})
			}
			return nil
		}
		to := &toldLost{}
		f := &follower{caller: caller{log: zap.NewNop()}, to: to, epoch: "e", next: 1, missed: 1, catching: true}
		s.followers["r"] = []*follower{f}
		for f.catching {
			if err := s.catchUp("r", f); err != nil {
				t.Fatal(err)
			}
		}
		if len(to.lost) != 1 || !errors.Is(to.lost[0].Why, errRolledBack) || looks != 3 || e.asked != 4 {
			t.Errorf("lost %+v, %d looks, %d pages", to.lost, looks, e.asked)
		}
	})
}
