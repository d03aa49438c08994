package pebblejournal

import (
	"cmp"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/listeners"
	"github.com/cockroachdb/pebble/v2"
	"go.uber.org/zap"
)

// retentionStep is by how many entries a room may grow before its retention is
// checked.
const retentionStep = 32

// errLost is why an append fails that was being written when the disk failed.
var errLost = errors.New("the disk failed")

func (j *Journal) newGroup() *commit.Group {
	return commit.NewGroup(j.rooms, &j.filter, j.opt.now)
}

// commitAll is the committer. It writes what the queue collects, group by group,
// until the queue is closed and empty.
func (j *Journal) commitAll() {
	defer close(j.committed)
	var g *commit.Group
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
		items, ok := j.queue.take(g.Items)
		if !ok {
			finished = true
			return
		}
		g.Items = items
		if j.inHand.hold(g) {
			j.write(g)
		} else {
			g.Fail(journal.ErrClosed)
		}
		j.committed <- g
	}
}

// refuseAll answers everything with an error from now on. The committer calls it
// when it was ended by Pebble or by a panic.
func (j *Journal) refuseAll(g *commit.Group, cause any) {
	j.opt.Logger.Error("chat journal: committer ended", zap.Any("cause", cause))
	if h := j.store.Peek(); h != nil {
		h.DB.Fail(failstop.ErrGaveUp) // store.recovered then stays false
	}
	j.queue.refuse(disk.Unavailable(failstop.ErrGaveUp))
	for ok := true; ok; g.Items, ok = j.queue.take(nil) {
		for i := range g.Items {
			g.Items[i].Err = disk.Unavailable(failstop.ErrGaveUp)
		}
		j.committed <- g
		<-j.answered
		g = j.newGroup()
	}
}

// write makes a group durable and visible, or fails it. Items of which it is not certain are
// set aside before it lets go of the store: whoever opens that again answers them.
func (j *Journal) write(g *commit.Group) {
	h, _, err := j.store.TryUse()
	if h == nil {
		g.Fail(cmp.Or(err, errReopening))
		return
	}
	defer h.Release()
	if err := h.DB.Failed(); err != nil {
		g.Fail(err) // without looking anything up: Pebble's memory shows what is lost
		return
	}
	epoch, totals := j.shown.get()
	g.Begin(h, epoch, totals)
	g.BoundRecords(j.bound.Why())
	for i := range g.Items {
		g.Take(&g.Items[i])
	}
	j.noteDamage(g.Damaged)
	if err := j.commit(h, g); err != nil {
		j.queue.refuse(disk.Unavailable(err))
		j.rollBack(g, err)
		return
	}
	j.show(g)
	j.rooms.Unpin(g.End()...)
}

// commit writes the batch. After an error nobody may see any of it.
func (j *Journal) commit(h *disk.Handle, g *commit.Group) error {
	batch := g.Batch()
	defer batch.Close()
	if batch.Empty() {
		return nil
	}
	if err := j.store.CheckWritable(h, g.IsMaintenance()); err != nil {
		return err
	}
	db := h.DB
	db.MarkLog()
	began := time.Now()
	if err := batch.Commit(pebble.Sync); err != nil {
		return err
	}
	if db.LogLost() {
		return db.Failed()
	}
	db.MarkLog() // or a later failure would remove this group from the log
	h.Durable.Advance()
	j.figures.AddCommit(g.Totals(), time.Since(began))
	j.store.Witness.Note()
	return nil
}

// show makes a durable group visible, and reports rooms that have grown to
// maintenance.
func (j *Journal) show(g *commit.Group) {
	step := journal.Seq(math.MaxUint64)
	if j.opt.Retention != nil {
		step = retentionStep
	}
	g.Show(step, j.due.add)
	j.shown.set(g.Epoch(), g.Totals())
}

// rollBack fails a group that could not be committed, and removes from the log what it has
// of the group. If that fails too, it is not certain whether the group is recorded.
func (j *Journal) rollBack(g *commit.Group, cause error) {
	j.opt.Logger.Error("chat journal: can't record", zap.Error(cause))
	g.RollBack(cause)
	db := g.DB()
	j.rooms.Unpin(g.End()...)
	if !db.LogLost() {
		return
	}
	if err := db.RewindLog(); err != nil {
		j.opt.Logger.Warn("chat journal: can't take back what the log has", zap.Error(err))
		j.inHand.reduce(g, j.unresolved.takeUncertain)
	}
}

// answerUncertain answers those for whom it was not certain whether their entry is
// recorded.
func (j *Journal) answerUncertain(err error) {
	for _, it := range j.unresolved.removeItems() {
		j.protect(func() { it.Done(journal.Receipt{}, err) })
	}
}

// dispatchAll is the dispatcher. Group by group, it tells those who appended what
// became of it, and followers what is new, until the committer has ended. It alone
// calls done and deliver, so all followers of a room see one order. The committer
// waits for it only when it is two groups behind.
func (j *Journal) dispatchAll() {
	for g := range j.committed {
		j.dispatch(g)
		g.Clear()
		select {
		case j.free <- g:
		default: // the committer has ended and takes none back
		}
	}
}

func (j *Journal) dispatch(g *commit.Group) {
	if !j.inHand.release(g) { // Close has answered them, and ended every Follow
		j.answered <- struct{}{}
		return
	}
	j.findFollowers(g.Items)
	for i := range g.Items {
		it := &g.Items[i]
		if it.Original != nil {
			it.Receipt, it.Err = it.Original.Receipt, it.Original.Err
			it.Receipt.Duplicate = true
		}
		if it.Err != nil {
			it.Receipt = journal.Receipt{}
		}
		j.protect(func() { it.Done(it.Receipt, it.Err) })
	}
	j.answered <- struct{}{} // the committer goes on while followers are called
	for i := range g.Items {
		it := &g.Items[i]
		switch {
		case it.Err != nil || it.Receipt.Duplicate:
		case it.IsEntry():
			for _, l := range it.Followers {
				j.deliver(l, it.Entry)
			}
		case it.Then != nil:
			j.protect(it.Then)
		}
	}
	j.deliverFeed(g)
	j.deliverRecords(g.Records)
}

// findFollowers sets the followers of each item: those who follow its room now. The
// group is durable and nobody is answered yet, so whoever follows later can read
// it.
func (j *Journal) findFollowers(items []commit.Item) {
	j.listeners.rooms.Find(func(of func(string) []*listeners.Room) {
		for i := range items {
			if it := &items[i]; it.IsEntry() {
				it.Followers = of(it.Entry.Room)
			}
		}
	})
}
