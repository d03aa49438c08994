package shared

import (
	"context"
	"slices"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Read implements journal.Reader.
func (j *Journal) Read(ctx context.Context, q journal.Query) (journal.Page, error) {
	pages, err := j.Pages(ctx, []journal.Query{q}, 0)
	if err != nil {
		return journal.Page{}, err
	}
	return pages[0], nil
}

// Pages implements journal.Reader.
func (j *Journal) Pages(ctx context.Context, queries []journal.Query, bytes int) ([]journal.Page, error) {
	if err := j.use(ctx); err != nil {
		return nil, err
	}
	list := make([]PageQuery, len(queries))
	for i, q := range queries {
		list[i] = PageQuery{q, j.Part(q.Room)}
	}
	pages, err := j.engine.Pages(ctx, list, bytes)
	return pages, j.failed(err)
}

// Heads implements journal.Reader.
func (j *Journal) Heads(ctx context.Context, rooms []string) ([]journal.Head, error) {
	if err := j.use(ctx); err != nil {
		return nil, err
	}
	heads := make([]journal.Head, 0, len(rooms))
	for names := range slices.Chunk(rooms, 1000) {
		some, err := j.engine.Heads(ctx, names)
		if err != nil {
			return nil, j.failed(err)
		}
		heads = append(heads, some...)
	}
	return heads, nil
}

// Find implements journal.Reader.
func (j *Journal) Find(ctx context.Context, room, user, key string) (journal.Receipt, error) {
	if err := j.use(ctx); err != nil || key == "" {
		return journal.Receipt{}, err
	}
	c := claimOf(user, key)
	if err := j.part(room).settled(ctx, room, c); err != nil {
		return journal.Receipt{}, err
	}
	r, err := j.engine.Find(ctx, room, c)
	return r, j.failed(err)
}

// Positions implements journal.Feeder.
func (j *Journal) Positions(ctx context.Context) ([]journal.Position, error) {
	if err := j.use(ctx); err != nil {
		return nil, err
	}
	m, err := j.engine.Marks(ctx, Standing{})
	if err != nil {
		return nil, j.failed(err)
	}
	list := make([]journal.Position, 0, len(m.Parts)+1)
	for _, p := range m.Parts {
		list = append(list, p.Last)
	}
	return append(list, journal.Position(m.Revision)), nil
}

// Rooms implements journal.Lister.
func (j *Journal) Rooms(ctx context.Context, each func(room string) error) error {
	for after := ""; ; {
		if err := j.use(ctx); err != nil {
			return err
		}
		names, err := j.engine.Rooms(ctx, after, 1000)
		if err != nil || len(names) == 0 {
			return j.failed(err)
		}
		for _, name := range names {
			if err := each(name); err != nil {
				return err
			}
		}
		after = names[len(names)-1]
	}
}

// keyLife is how long a key is remembered at least, whatever becomes of its entry. feedLife is how
// long the feed is kept, and the changes of records.
const (
	keyLife  = 24 * time.Hour
	feedLife = 72 * time.Hour
)

// Trim implements journal.Journal.
func (j *Journal) Trim(ctx context.Context, room string, below journal.Seq) error {
	if err := j.use(ctx); err != nil {
		return err
	}
	for {
		n, err := j.engine.LetGo(ctx, []Limit{{Room: room, Below: below}}, keyLife)
		if err != nil {
			return j.failed(err)
		}
		if n == 0 {
			break
		}
	}
	if below < journal.All {
		return nil
	}
	p := j.part(room)
	return j.failed(j.engine.Forget(ctx, room, p.number, p.stream.followed(room)))
}

// Enforce removes what retention no longer keeps, and what only time keeps. The node that has
// the lease does it each minute.
func (j *Journal) Enforce(ctx context.Context) error {
	var limits []Limit
	flush := func() error {
		for len(limits) > 0 {
			n, err := j.engine.LetGo(ctx, limits, keyLife)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
		limits = limits[:0]
		return nil
	}
	err := j.Rooms(ctx, func(room string) error {
		keep := j.retention(room)
		if keep == (journal.Retention{}) {
			return nil
		}
		limits = append(limits, Limit{Room: room, Keep: keep.Count, Age: keep.Age, Bytes: keep.Bytes})
		if len(limits) < 100 {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	for n := 1; err == nil && n > 0; {
		n, err = j.engine.Sweep(ctx, keyLife, feedLife)
	}
	return j.failed(err)
}

func (j *Journal) sweepAll(ctx context.Context) {
	for tick := time.NewTicker(time.Minute); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		if !j.nodes.agree() {
			continue // who would keep less must not have its way
		}
		if mine, err := j.engine.Lease(ctx, "sweep", j.nodes.Self().ID, 150); err == nil && mine {
			_ = j.Enforce(ctx) // again in a minute
		}
	}
}

// Stats implements journal.Reporter. Without an answer in a second, Entries and Bytes are those of before.
func (j *Journal) Stats() journal.Stats {
	ctx, cancel := context.WithTimeout(j.ctx, time.Second)
	defer cancel()
	kept, err := j.engine.Stats(ctx)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err == nil {
		j.figures.Entries, j.figures.Bytes = kept.Entries, kept.Bytes
	}
	j.figures.Unavailable = j.fault != nil || j.nodes.count() == 0
	return j.figures
}

// Unavailable implements journal.Reporter.
func (j *Journal) Unavailable() error {
	if j.closed.Load() {
		return journal.ErrClosed
	}
	if j.nodes.count() == 0 {
		return errCutOff
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fault
}

// Warnings implements journal.Reporter: they are the engine's, if it has some.
func (j *Journal) Warnings() []string {
	if e, is := j.engine.(interface{ Warnings() []string }); is {
		return e.Warnings()
	}
	return nil
}
