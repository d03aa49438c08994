package missed

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/feed"
	"github.com/caddychat/caddy-chat/chat/internal/online"
	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// Missed tells of missed messages while somebody asks for that.
type Missed struct {
	Config // fixed

	mu      sync.Mutex // guards the rest, and is held for memory only
	end     func()     // of the goroutines; nil: there are none
	ended   <-chan struct{}
	closed  bool
	working sync.WaitGroup // the goroutines, one for each part of the feed
}

// New returns a Missed that does nothing until Configure says so. Close must be called
// before what it is made of is closed.
func New(cfg Config) *Missed { return &Missed{Config: cfg} }

// Configure says whether somebody asks. It waits for nothing.
func (m *Missed) Configure(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case on == (m.end != nil) || m.closed:
	case !on:
		m.end()
		m.end = nil
	default:
		ctx, end := context.WithCancel(context.Background())
		m.end = end
		before, ended := m.ended, make(chan struct{})
		m.ended = ended
		var parts sync.WaitGroup
		for part := range m.Journal.Parts() {
			parts.Add(1)
			m.working.Go(func() {
				defer parts.Done()
				if before != nil {
					<-before // it was told to end
				}
				m.run(ctx, part)
			})
		}
		m.working.Go(func() {
			parts.Wait()
			close(ended)
		})
	}
}

// Close ends the telling.
func (m *Missed) Close() {
	m.mu.Lock()
	m.closed = true
	if m.end != nil {
		m.end()
	}
	m.mu.Unlock()
	m.working.Wait()
}

const (
	stepTime  = 10 * time.Second // for what is asked of the journal at once
	retry     = 5 * time.Second  // the time before something is asked again that has failed
	keepEvery = 5 * time.Second  // how often it is written how far the feed was read
	collect   = 100 * time.Millisecond
	maxAge    = time.Hour // of what is told of: after that a push message would be strange
	pageLimit = 500
	pageBytes = 512 << 10
)

// reader reads one part of the feed. Its goroutine owns it.
type reader struct {
	*Missed
	part int
	ears *feed.Listener
	window
	epoch  string
	at     journal.Position // up to which the part was read
	known  bool             // epoch and at are
	kept   journal.Position // what was written last
	keptAt time.Time
}

// run looks at a part of the feed until ctx ends.
func (m *Missed) run(ctx context.Context, part int) {
	ears, stop := m.Feed.Listen(part, m.wants)
	defer stop()
	r := &reader{Missed: m, part: part, ears: ears, window: window{rooms: map[string]*said{}}}
	for ctx.Err() == nil {
		wait, err := r.round(ctx)
		switch {
		case errors.Is(err, online.ErrUnknown):
			wait = time.Second
		case err != nil && ctx.Err() == nil:
			m.Log.Warn("missed messages are not told of now: the journal cannot be used", zap.Error(err))
			wait = retry
		}
		r.ears.Wait(ctx, 1, wait)
		_ = timing.Wait(ctx, collect)
	}
}

func (m *Missed) wants(e *journal.Entry) bool { return e.Counts() && m.IsConversation(e.Room) }

// round reads what is new, tells what is due, and returns how long nothing is. Only the first
// of the nodes that are alive does so: another one forgets what it knew.
func (r *reader) round(ctx context.Context) (wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	r.ears.Take()
	nodes, err := r.Journal.Nodes().List(ctx)
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(nodes, func(n journal.Node) bool { return n.ID == r.Journal.Nodes().Self().ID }); i > 0 {
		r.known = false
		clear(r.rooms)
		return retry, nil
	}
	more, err := r.read(ctx)
	if err != nil {
		return 0, err
	}
	for {
		room, s, wait := r.due(time.Now())
		if room == "" {
			return r.keep(ctx, wait, more)
		}
		if err := r.tell(ctx, room, s); err != nil {
			return 0, err
		}
		s.finish(time.Now())
	}
}

// read reads one page of the feed. What was lost to the reader is told of to nobody.
func (r *reader) read(ctx context.Context) (more bool, err error) {
	if !r.known {
		if err := r.begin(ctx); err != nil {
			return false, err
		}
	}
	page, err := r.Journal.Feed(ctx, journal.FeedQuery{Part: r.part, After: r.at, Limit: pageLimit, Bytes: pageBytes})
	if err != nil {
		return false, err
	}
	if page.Epoch != r.epoch {
		r.known = false
		return true, nil
	}
	oldest := time.Now().Add(-maxAge).UnixMilli()
	for i := range page.Entries {
		if e := &page.Entries[i]; r.wants(e) && !e.Recalled && e.At > oldest {
			r.add(e)
		}
	}
	r.at = max(page.Next, page.First)
	return page.Next < page.Last, nil
}

func (r *reader) key() string { return "missed\x00" + strconv.Itoa(r.part) }

// begin finds out where to go on. Who asks for the first time hears of what is said from now
// on.
func (r *reader) begin(ctx context.Context) error {
	record, err := r.Journal.Records().Get(ctx, r.key())
	if err != nil {
		return err
	}
	state, err := r.Journal.Feed(ctx, journal.FeedQuery{Part: r.part})
	if err != nil {
		return err
	}
	r.epoch, r.at, r.known = state.Epoch, state.Last, true
	if at, ok := feed.Parse(string(record.Value), state.Epoch, r.part); ok && at < state.Last {
		r.at = max(at, state.First)
	}
	r.kept = 0
	return nil
}

// keep writes how far the part was read, now and then. It returns how long to wait.
func (r *reader) keep(ctx context.Context, wait time.Duration, more bool) (time.Duration, error) {
	if more {
		wait = 0
	}
	at := r.upTo(r.at)
	if at == r.kept {
		return min(wait, retry), nil
	}
	if rest := time.Until(r.keptAt.Add(keepEvery)); rest > 0 {
		return min(wait, rest), nil
	}
	r.kept, r.keptAt = at, time.Now()
	return min(wait, retry), r.Journal.Records().Put(ctx, r.key(), []byte(feed.Text(r.epoch, r.part, at)))
}
