package shared

import (
	"context"
	"crypto/rand"
	"os"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared/internal/batching"
	"github.com/caddychat/caddy-chat/chat/shared/internal/bus"
	"github.com/caddychat/caddy-chat/chat/shared/internal/packing"
)

// pollEvery is how long something may be unknown that no hint told of. With patience it is less than a second.
const pollEvery = 500 * time.Millisecond

// Open returns a journal on an engine, which it closes. ctx bounds how long that may take.
func Open(ctx context.Context, engine Engine, opt Options) (*Journal, error) {
	j := &Journal{core: newCore(engine, opt.Logger), retention: keeping(opt.Retention), drained: make(chan struct{}), comparing: make(chan struct{}, 1)}
	name, _ := os.Hostname()
	j.nodes = newNodes(engine, j.log, journal.Node{ID: rand.Text()[:10], Name: name})
	j.bus = bus.New(engine, MaxHint, j.nodes.self.ID, j.heard, j.hears)
	j.records = newRecords(j.core, j.bus)
	j.nodes.tell = func() { j.bus.Send([]byte{hintNodes}) }
	helpers, cancel := context.WithCancel(context.Background())
	j.helpers = cancel
	marks, err := begin(ctx, engine)
	if err != nil {
		cancel()
		return nil, err
	}
	j.tells(marks)
	j.records.revision = marks.Revision
	j.records.saw(marks.Revision, 0)
	j.sure = func() error {
		_, err := j.compare(j.ctx)
		return err
	}
	j.limiter = batching.NewLimiter(len(marks.Parts), j.nodes.count)
	for i := range marks.Parts {
		j.parts = append(j.parts, newPart(j.core, j.bus, i, marks))
	}
	hears := make(chan struct{})
	j.work.Go(func() { j.bus.Listener(helpers, func() { close(hears) }) })
	j.work.Go(func() { j.bus.Sender(helpers) })
	select {
	case <-hears:
	case <-ctx.Done():
	}
	if _, err := j.nodes.beat(ctx); err != nil {
		cancel()
		j.work.Wait()
		return nil, err
	}
	j.bus.Send([]byte{hintNodes})
	for _, p := range j.parts {
		j.commits.Go(p.commitAll)
		j.shows.Go(func() { p.stream.showAll(j.ctx, j.drained) })
	}
	j.commits.Go(j.records.commitAll)
	j.shows.Go(func() { j.records.showAll(j.ctx, j.drained) })
	j.work.Go(func() { j.nodes.beatAll(helpers) })
	j.work.Go(func() { j.poll(helpers) })
	j.work.Go(func() { j.sweepAll(helpers) })
	return j, nil
}

// heard takes a hint of another node.
func (j *Journal) heard(hint []byte) {
	if len(hint) == 0 {
		return
	}
	switch hint[0] {
	case hintRow:
		d := &packing.Reader{B: hint[1:]}
		part, r, entries := decodeRow(d)
		if d.Failed || part >= len(j.parts) {
			return
		}
		stream := j.parts[part].stream
		if r.decodeEntries(d, entries, stream.hearing(r)) != nil {
			return
		}
		now := time.Now()
		for i := range r.list {
			r.list[i].sent = here(r.list[i].sent, now)
		}
		stream.offer(r, false)
	case hintRecords:
		signal(j.records.wake)
	case hintNodes:
		signal(j.nodes.wake)
	}
}

// here is when something was sent that comes now, by this node's clock. Nothing is under way for long: if it
// seems so, or to be of the future, the clocks of the nodes differ.
func here(sent, now time.Time) time.Time {
	if ago := now.Sub(sent); ago >= 0 && ago < transientLife {
		return now.Add(-ago) // the clock may be set, but not what now counts with
	}
	return now
}

func (j *Journal) hears(hears bool) {
	for _, p := range j.parts {
		p.stream.hears(hears)
	}
	signal(j.doubt) // what was told before it is found now
}

// poll finds what hints have not told.
func (j *Journal) poll(ctx context.Context) {
	for tick := time.NewTicker(pollEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		case <-j.doubt:
		}
		marks, err := j.compare(ctx)
		if err != nil {
			continue
		}
		for i, m := range marks.Parts {
			j.parts[i].stream.known(marks.Epoch, m.Row)
		}
		j.records.known(marks.Revision)
	}
}

// closeTime bounds how long Close waits for what was appended.
const closeTime = 5 * time.Second

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.closing.Do(j.close)
	return nil
}

func (j *Journal) close() {
	j.closed.Store(true)
	for _, p := range j.parts {
		p.close()
	}
	j.records.close()
	late := time.AfterFunc(closeTime, func() {
		j.giveUp()
		j.engine.Close() // a commit that waits ends
	})
	j.commits.Wait()
	close(j.drained)
	j.shows.Wait()
	for _, p := range j.parts {
		p.stream.end()
	}
	j.records.end()
	j.helpers()
	j.work.Wait()
	j.nodes.leave()
	if late.Stop() {
		j.giveUp()
	}
	j.engine.Close()
}
