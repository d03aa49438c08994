package pebblejournal

import (
	"cmp"
	"errors"
	"runtime"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// retentionStep is by how many entries a room may grow before its retention is
// checked.
const retentionStep = 32

var (
	// errReopening is why an append is refused while the store is being reopened.
	errReopening = errors.New("the store is being opened again")

	// errLost is why an append fails that was being written when the disk failed.
	errLost = errors.New("the disk failed")
)

func (j *Journal) newGroup() *commitGroup {
	return &commitGroup{opt: &j.opt, epoch: j.epoch, rooms: j.rooms, filter: &j.filter, hashes: map[keyHash]*item{}}
}

// commitAll is the committer. It writes what the queue collects, group by group,
// until the queue is closed and empty.
func (j *Journal) commitAll() {
	defer close(j.committed)
	var g *commitGroup
	finished := false
	defer func() {
		if !finished {
			j.refuseAll(g, recover())
		}
	}()
	for {
		// Once the last group is answered, many of those who waited for it append
		// again, and the first of them is seldom alone. Yielding to the others
		// makes the group larger, and costs nothing if there are none.
		<-j.answered
		g = <-j.free
		j.queue.wait()
		runtime.Gosched()
		items, ok := j.queue.take(g.items)
		if !ok {
			finished = true
			return
		}
		g.items = items
		if certain := j.write(g); !certain {
			j.unresolved.takeUncertain(g)
		}
		j.committed <- g
	}
}

// refuseAll answers everything with an error from now on. The committer calls it
// when it was ended by Pebble or by a panic.
func (j *Journal) refuseAll(g *commitGroup, cause any) {
	j.opt.Logger.Error("chat journal: committer ended", zap.Any("cause", cause))
	if h := j.store.peek(); h != nil {
		h.db.Fail(failstop.ErrGaveUp) // store.recovered then stays false
	}
	j.queue.refuse(unavailable(failstop.ErrGaveUp))
	for ok := true; ok; g.items, ok = j.queue.take(nil) {
		for i := range g.items {
			g.items[i].err = unavailable(failstop.ErrGaveUp)
		}
		j.committed <- g
		<-j.answered
		g = j.newGroup()
	}
}

// write makes a group durable and visible, or fails it. It returns false if it is
// not certain whether the group is recorded.
func (j *Journal) write(g *commitGroup) (certain bool) {
	h, _, err := j.store.tryUse()
	if h == nil {
		g.fail(cmp.Or(err, errReopening))
		return true
	}
	defer h.release()
	if err := h.db.Failed(); err != nil {
		g.fail(err) // without looking anything up: Pebble's memory shows what is lost
		return true
	}
	g.begin(h, j.totals)
	for i := range g.items {
		g.take(&g.items[i])
	}
	if err := j.commit(g); err != nil {
		j.queue.refuse(unavailable(err))
		return j.rollBack(g, err)
	}
	j.show(g)
	j.rooms.unpin(g.end()...)
	return true
}

// commit writes the batch. After an error nobody may see any of it.
func (j *Journal) commit(g *commitGroup) error {
	defer g.batch.Close()
	g.fill()
	if g.batch.Empty() {
		return nil
	}
	if err := j.store.checkWritable(g.handle, g.isMaintenance()); err != nil {
		return err
	}
	db := g.handle.db
	db.MarkLog()
	began := time.Now()
	if err := g.batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if db.LogLost() {
		return db.Failed()
	}
	db.MarkLog() // or a later failure would remove this group from the log
	j.statistics.addCommit(g.totals, time.Since(began))
	return nil
}

// show makes a durable group visible, and reports rooms that have grown to
// maintenance.
func (j *Journal) show(g *commitGroup) {
	j.rooms.showAdded(g.joined)
	j.totals = g.totals
	if j.opt.Retention == nil {
		return
	}
	for _, r := range g.joined {
		if r.next.last-r.checked >= retentionStep {
			r.checked = r.next.last
			j.due.add(r.name)
		}
	}
}

// rollBack fails a group that could not be committed, and removes from the log what
// it has of the group. If that fails too, it is not certain whether the group is
// recorded.
func (j *Journal) rollBack(g *commitGroup, cause error) (certain bool) {
	j.opt.Logger.Error("chat journal: can't record", zap.Error(cause))
	g.rollBack(cause)
	db := g.handle.db
	rooms := g.end()
	if !db.LogLost() {
		j.rooms.unpin(rooms...)
		return true
	}
	// Pebble's memory still shows what is lost. Until the store is reopened, these
	// rooms must not be loaded from there: they stay pinned in the cache.
	j.unresolved.addRooms(rooms)
	if err := db.RewindLog(); err != nil {
		j.opt.Logger.Warn("chat journal: can't take back what the log has", zap.Error(err))
		return false
	}
	return true
}

// answerUncertain answers those for whom it was not certain whether their entry is
// recorded. It must be certain now that it is not.
func (j *Journal) answerUncertain() {
	for _, it := range j.unresolved.removeItems() {
		j.protect(func() { it.done(journal.Receipt{}, unavailable(errLost)) })
	}
}

// dispatchAll is the dispatcher. Group by group, it tells those who appended what
// became of it, and followers what is new, until the committer has ended. It alone
// calls done and deliver, so all followers of a room see one order. The committer
// waits for it only when it is two groups behind.
func (j *Journal) dispatchAll() {
	for g := range j.committed {
		j.dispatch(g)
		select {
		case j.free <- g:
		default: // the committer has ended and takes none back
		}
	}
}

func (j *Journal) dispatch(g *commitGroup) {
	j.findFollowers(g.items)
	for i := range g.items {
		it := &g.items[i]
		if it.original != nil {
			it.receipt, it.err = it.original.receipt, it.original.err
			it.receipt.Duplicate = true
		}
		if it.err != nil {
			it.receipt = journal.Receipt{}
		}
		j.protect(func() { it.done(it.receipt, it.err) })
	}
	j.answered <- struct{}{} // the committer goes on while followers are called
	for i := range g.items {
		it := &g.items[i]
		if it.change == nil && it.err == nil && !it.receipt.Duplicate {
			j.deliver(it.entry, it.followers)
		}
	}
}

// findFollowers sets the followers of each item: those who follow its room now. The
// group is durable and nobody is answered yet, so whoever follows later can read
// it.
func (j *Journal) findFollowers(items []item) {
	j.followers.mu.Lock()
	defer j.followers.mu.Unlock()
	for i := range items {
		if it := &items[i]; it.change == nil {
			it.followers = j.followers.byRoom[it.entry.Room]
		}
	}
}

func (j *Journal) deliver(e journal.Entry, to []*follower) {
	for _, f := range to {
		if j.followers.beginCall(f) {
			j.protect(func() { f.deliver(e) })
			j.followers.endCall(f)
		}
	}
}

// protect calls a function of somebody else, and logs its panic.
func (j *Journal) protect(f func()) {
	defer func() {
		if cause := recover(); cause != nil {
			j.opt.Logger.Error("chat journal: callback panicked", zap.Any("cause", cause), zap.Stack("stack"))
		}
	}()
	f()
}
