package pebblejournal

import (
	"cmp"
	"runtime"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// commitAll is the committer: it writes what the queue gathers, group by group,
// until the queue is closed and empty.
func (j *Journal) commitAll() {
	defer close(j.written)
	var g *group
	finished := false
	defer func() {
		if !finished {
			j.giveUp(g, recover())
		}
	}()
	for {
		// When all of the last group have been answered, many of them are about
		// to append again, and whoever comes first is seldom alone. To let the
		// others come along makes groups larger, and costs nothing when nobody is
		// there.
		<-j.answered
		g = <-j.spare
		j.queue.wait()
		runtime.Gosched()
		items, ok := j.queue.take(g.items)
		if !ok {
			finished = true
			return
		}
		g.items = items
		if sure := j.write(g); !sure {
			j.outage.hold(g)
		}
		j.written <- g
	}
}

// giveUp answers everything with an error from now on, after the committer was
// ended by Pebble or by a panic.
func (j *Journal) giveUp(g *group, cause any) {
	j.opt.Logger.Error("chat journal: committer ended", zap.Any("cause", cause))
	if h := j.store.peek(); h != nil {
		h.db.Fail(failstop.ErrGaveUp) // for good: see store.usable
	}
	j.queue.refuse(unavailable(failstop.ErrGaveUp))
	for ok := true; ok; g.items, ok = j.queue.take(nil) {
		for i := range g.items {
			g.items[i].err = unavailable(failstop.ErrGaveUp)
		}
		j.written <- g
		<-j.answered
		g = newGroup(j)
	}
}

// write makes a group durable, or fails it, and shows readers what is new. It
// returns false if nobody can say what became of the group.
func (j *Journal) write(g *group) (sure bool) {
	h, _, err := j.store.tryUse()
	if h == nil {
		g.fail(cmp.Or(err, errReopening))
		return true
	}
	defer h.release()
	if err := h.db.Failed(); err != nil {
		g.fail(err) // and nothing is looked up: Pebble's memory shows what was lost
		return true
	}
	g.begin(h)
	for i := range g.items {
		g.add(&g.items[i])
	}
	if err := j.commit(g); err != nil {
		j.queue.refuse(unavailable(err))
		return j.withdraw(g, err)
	}
	j.publish(g)
	j.rooms.unpin(g.rooms...)
	g.leave()
	return true
}

// commit writes the batch. After an error none of it is to be seen again.
func (j *Journal) commit(g *group) error {
	defer g.batch.Close()
	g.fill()
	if g.batch.Empty() {
		return nil
	}
	if err := j.store.checkRoom(g.handle, g.upkeep()); err != nil {
		return err
	}
	g.handle.db.MarkLog()
	began := time.Now()
	if err := g.batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if g.handle.db.LogLost() {
		return g.handle.db.Failed()
	}
	g.handle.db.MarkLog() // else a failure outside a group would take this one back
	j.meter.committed(g, time.Since(began))
	return nil
}

// publish shows a group that is durable, and notes the rooms that have grown.
func (j *Journal) publish(g *group) {
	j.rooms.publish(g.rooms)
	j.tally = g.tally
	if j.opt.Retention == nil {
		return
	}
	for _, r := range g.rooms {
		if r.next.last-r.checked >= checkEvery {
			r.checked = r.next.last
			j.keeper.note(r.name)
		}
	}
}

// withdraw fails a group that could not be committed. What the log has of it is
// taken back, so that it can't be seen again; only if that fails too is nobody
// sure.
func (j *Journal) withdraw(g *group, cause error) (sure bool) {
	j.opt.Logger.Error("chat journal: can't record", zap.Error(cause))
	g.withdraw(cause)
	db := g.handle.db
	rooms := g.rooms
	g.leave()
	if !db.LogLost() {
		j.rooms.unpin(rooms...)
		return true
	}
	// What was lost is still to be seen in Pebble's memory. Until the store is
	// opened anew these rooms must not be loaded from there: they stay pinned.
	j.outage.pinned(rooms)
	if err := db.RewindLog(); err != nil {
		j.opt.Logger.Warn("chat journal: can't take back what the log has", zap.Error(err))
		return false
	}
	return true
}
