package events

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Events writes events. Its methods may be called by any goroutine and wait for nothing, so
// also where a journal says that it has recorded an entry. What the journal does not take,
// for example because the disk is full, is dropped, counted, and logged once in a while.
type Events struct {
	// Fixed.
	journal journal.Journal
	log     *zap.Logger
	clock   *timing.Clock

	wanted           atomic.Pointer[map[string]bool] // by type
	written, dropped atomic.Uint64
	saidDropped      timing.Seldom

	working sync.WaitGroup // the goroutine of write

	mu      sync.Mutex // guards the rest; a leaf
	waiting []waiting
	bytes   int  // of events that the journal has not answered
	busy    bool // there is a goroutine of write
	closed  bool
}

// waiting is an event that was not handed to the journal yet.
type waiting struct {
	entry journal.Entry
	done  func(error) // may be nil
}

// maxBytes bounds the events that the journal has not answered. One that comes while there
// are more is dropped.
const maxBytes = 8 << 20

// New returns an Events of which nobody wants anything yet. Close must be called before the
// journal is closed.
func New(j journal.Journal, log *zap.Logger, clock *timing.Clock) *Events {
	w := &Events{journal: j, log: log, clock: clock}
	w.Configure(nil)
	return w
}

// Configure says which types somebody asks for.
func (w *Events) Configure(types []string) {
	wanted := map[string]bool{}
	for _, t := range types {
		wanted[t] = true
	}
	w.wanted.Store(&wanted)
}

// Wants reports whether somebody asks for events of a type.
func (w *Events) Wants(name string) bool { return (*w.wanted.Load())[name] }

// Review says that a check has let a message pass, and that somebody shall look at it: the
// entry seq of the room, which is a message or an edit of one. Call it once the journal has
// recorded that; for a duplicate do not call it. check is the check's name. It waits for
// nothing, and does nothing if nobody asks for such events.
func (w *Events) Review(room string, seq journal.Seq, check string) {
	w.Write(Event{Type: Review, Room: room, Seq: seq, Check: check})
}

// Unchecked says that an entry was recorded without a verdict of a check, because that one
// does not answer and lets everything pass then. Otherwise it is like Review. If there are
// several such checks, call it for each.
func (w *Events) Unchecked(room string, seq journal.Seq, check string) {
	w.Write(Event{Type: Unchecked, Room: room, Seq: seq, Check: check})
}

// Write writes an event if somebody asks for its type.
func (w *Events) Write(e Event) {
	if w.Wants(e.Type) {
		w.WriteWith(e, nil, nil)
	}
}

// WriteWith writes an event and records in the same commit, whoever asks for it. done may be
// nil; otherwise it is called once, by any goroutine, and must not block. It gets an error if
// the event was dropped.
func (w *Events) WriteWith(e Event, with []journal.Record, done func(error)) {
	entry, err := e.Entry()
	if err != nil {
		w.answered(err, done) // it has texts and numbers
		return
	}
	entry.With = with
	size := entry.Size()
	w.mu.Lock()
	switch {
	case w.closed:
		err = journal.ErrClosed
	case w.bytes+size > maxBytes:
		err = journal.ErrUnavailable
	default:
		w.bytes += size
		w.waiting = append(w.waiting, waiting{entry, done})
		if !w.busy {
			w.busy = true
			w.working.Go(w.write)
		}
	}
	w.mu.Unlock()
	if err != nil {
		w.answered(err, done)
	}
}

// write hands what waits to the journal, until nothing does.
func (w *Events) write() {
	for {
		w.mu.Lock()
		list := w.waiting
		w.waiting = nil
		w.busy = len(list) > 0
		w.mu.Unlock()
		if len(list) == 0 {
			return
		}
		for _, next := range list {
			size := next.entry.Size()
			w.journal.Append(w.clock.Soon(), next.entry, func(_ journal.Receipt, err error) {
				w.mu.Lock()
				w.bytes -= size
				w.mu.Unlock()
				w.answered(err, next.done)
			})
		}
	}
}

// answered counts an event as written or dropped.
func (w *Events) answered(err error, done func(error)) {
	if err == nil {
		w.written.Add(1)
	} else {
		w.dropped.Add(1)
		if !errors.Is(err, journal.ErrClosed) && w.saidDropped.Allow(w.clock.Now(), time.Minute) {
			w.log.Warn("events for the site's servers are dropped, since the journal does not take them", zap.Error(err))
		}
	}
	if done != nil {
		done(err)
	}
}

// Counts returns how many events were written since the start, and how many were dropped.
func (w *Events) Counts() (written, dropped uint64) { return w.written.Load(), w.dropped.Load() }

// Close waits until what came before is handed to the journal: 10 seconds, or until the
// clock's context ends. What comes later is dropped.
func (w *Events) Close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.working.Wait()
}
