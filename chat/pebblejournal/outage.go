package pebblejournal

import (
	"sync"

	"github.com/caddychat/caddy-chat/chat/journal"
	"go.uber.org/zap"
)

// outage is what a failure of the disk has left to be settled once the disk
// works again.
type outage struct {
	mu    sync.Mutex // guards the rest
	rooms []*room    // pinned, since the store's memory shows what was lost
	held  []item     // not answered, since nobody is sure what became of them
}

func (o *outage) pinned(rooms []*room) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rooms = append(o.rooms, rooms...)
}

// hold takes out of a group what nobody is sure of.
func (o *outage) hold(g *group) {
	o.mu.Lock()
	defer o.mu.Unlock()
	sure := g.items[:0]
	for _, it := range g.items {
		if it.recording || it.first != nil {
			o.held = append(o.held, it)
		} else {
			sure = append(sure, it)
		}
	}
	g.items = sure
}

func (o *outage) takeHeld() []item {
	o.mu.Lock()
	defer o.mu.Unlock()
	held := o.held
	o.held = nil
	return held
}

func (o *outage) takePinned() []*room {
	o.mu.Lock()
	defer o.mu.Unlock()
	rooms := o.rooms
	o.rooms = nil
	return rooms
}

// watch has appends refused when nothing can be recorded, and let in again once
// it can. Only the keeper calls it, time and again.
func (j *Journal) watch() {
	if err := j.store.check(); err != nil && j.queue.refused() == nil {
		// The committer would find it out too, but it may be waiting for
		// Pebble, and Pebble for room.
		j.queue.refuse(unavailable(err))
		j.opt.Logger.Error("chat journal: can't record", zap.Error(err))
	}
	if j.queue.refused() != nil {
		j.heal()
	}
}

func (j *Journal) heal() {
	if !j.store.usable() {
		return
	}
	if !j.store.healthy() {
		if err := j.reopen(); err != nil {
			j.opt.Logger.Warn("chat journal: can't open the store again", zap.Error(err))
			return
		}
	}
	j.queue.refuse(nil)
	j.opt.Logger.Info("chat journal: records again")
}

// reopen gets rid of a dead disk.
func (j *Journal) reopen() error {
	if h := j.store.peek(); h != nil {
		if err := h.db.RewindLog(); err != nil {
			return err
		}
	}
	j.answerHeld()
	if err := j.store.reopen(); err != nil {
		return err
	}
	j.rooms.unpin(j.outage.takePinned()...)
	return nil
}

// answerHeld answers those nobody was sure of. They are not recorded now.
func (j *Journal) answerHeld() {
	for _, it := range j.outage.takeHeld() {
		j.call(func() { it.done(journal.Receipt{}, unavailable(errLost)) })
	}
}
