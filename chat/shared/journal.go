package shared

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/bus"
)

// Options of a journal. Zero fields mean the defaults.
type Options struct {
	// Retention returns how much of a room is kept. Default: everything.
	Retention func(room string) journal.Retention
	// Logger gets the panics of callbacks. Default: nothing is logged.
	Logger *zap.Logger
}

// Journal implements journal.Journal: it is one node of an Engine.
type Journal struct {
	*core
	// Fixed.
	retention func(room string) journal.Retention
	parts     []*part
	records   *records
	nodes     *nodes
	bus       *bus.Bus

	comparing chan struct{} // capacity 1: full while one asks whether the store is the same

	closing sync.Once
	work    sync.WaitGroup     // goroutines that end with helpers
	commits sync.WaitGroup     // committers of parts and records
	shows   sync.WaitGroup     // goroutines that call followers
	drained chan struct{}      // closed when everything is committed
	helpers context.CancelFunc // ends what work waits for
}

var (
	_ journal.Journal  = (*Journal)(nil)
	_ journal.Lister   = (*Journal)(nil)
	_ journal.Reporter = (*Journal)(nil)
)

func keeping(retention func(string) journal.Retention) func(string) journal.Retention {
	return func(room string) journal.Retention {
		switch {
		case journal.IsEventRoom(room):
			return journal.EventsKept
		case retention == nil:
			return journal.Retention{}
		}
		return retention(room)
	}
}

// Parts implements journal.Feeder.
func (j *Journal) Parts() int { return len(j.parts) }

// Part implements journal.Feeder.
func (j *Journal) Part(room string) int { return PartOf(room, len(j.parts)) }

func (j *Journal) part(room string) *part { return j.parts[j.Part(room)] }

func (j *Journal) checkPart(part int) error {
	if part < 0 || part >= len(j.parts) {
		return fmt.Errorf("the feed has no part %d, only the parts 0 to %d", part, len(j.parts)-1)
	}
	return nil
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, e journal.Entry, done func(journal.Receipt, error)) {
	err := journal.CheckEntry(&e)
	if err == nil {
		e.Seq, e.Count, e.Position, e.Edited, e.Recalled, e.Epoch = 0, 0, 0, 0, false, ""
		if e.Body == nil && e.Kind.Effect() == journal.Replace {
			e.Body = []byte{} // only one that is restored has none
		}
		err = j.part(e.Room).add(ctx, &pending{entry: e, claim: claimOf(e.From.ID, e.Key), done: done, sent: time.Now()})
	}
	if err != nil {
		protect(j.log, func() { done(journal.Receipt{}, err) })
	}
}

// Records implements journal.Journal.
func (j *Journal) Records() journal.Records { return j.records }

// Nodes implements journal.Journal.
func (j *Journal) Nodes() journal.Nodes { return j.nodes }
