package pebblejournal

import (
	"context"
	"errors"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"go.uber.org/zap"
)

// fullPassInterval is how often the retention of all rooms is enforced.
const fullPassInterval = time.Hour

// fullPassSlowdown is how many times longer than it works a full pass pauses.
const fullPassSlowdown = 9

// maintainAll does a round of maintenance every Options.interval, until the journal
// is closed.
func (j *Journal) maintainAll() {
	if j.opt.interval < 0 {
		return
	}
	tick := time.NewTicker(j.opt.interval)
	defer tick.Stop()
	j.maintain()
	for {
		select {
		case <-tick.C:
			j.maintain()
		case <-j.background.Done():
			return
		}
	}
}

// maintain does one round of maintenance: the disk, the filter of keys, retention,
// the quota and expired keys.
func (j *Journal) maintain() {
	ctx := j.background
	if !j.beginMaintenance(ctx) {
		return
	}
	defer j.endMaintenance()
	j.checkDisk()
	if j.queue.refused() != nil && !j.store.Healthy() {
		return
	}
	if err := j.maintainStore(ctx); err != nil && ctx.Err() == nil {
		j.opt.Logger.Warn("chat journal: can't clear up", zap.Error(err))
	}
}

func (j *Journal) maintainStore(ctx context.Context) error {
	if j.filter.Outdated() {
		if err := j.buildFilter(ctx); err != nil {
			return err
		}
	}
	rooms, all := j.due.remove()
	if err := j.enforceRetention(ctx, rooms); err != nil {
		return err
	}
	if err := j.enforceQuota(ctx); err != nil {
		return err
	}
	if !all && j.opt.now().Sub(j.lastFullPass) < fullPassInterval {
		return nil
	}
	j.lastFullPass = j.opt.now()
	return j.fullPass(ctx, fullPassSlowdown)
}

// fullPass enforces the retention of all rooms and of the feed, and deletes expired
// keys.
func (j *Journal) fullPass(ctx context.Context, slowdown time.Duration) error {
	if err := j.enforceRetentionOfAll(ctx, slowdown); err != nil {
		return err
	}
	if err := j.expireKeys(ctx, j.opt.now().Add(-commit.KeyLife).UnixMilli(), slowdown); err != nil {
		return err
	}
	return j.trimFeed(ctx)
}

// enforceAll does at once and exactly what maintenance does over time: retention,
// the quota and expired keys.
func (j *Journal) enforceAll(ctx context.Context) error {
	if !j.beginMaintenance(ctx) {
		return ctx.Err()
	}
	defer j.endMaintenance()
	j.due.remove()
	if err := j.fullPass(ctx, 0); err != nil {
		return err
	}
	return j.enforceQuota(ctx)
}

// beginMaintenance waits until nobody else does maintenance. It returns false if
// ctx ends first.
func (j *Journal) beginMaintenance(ctx context.Context) bool {
	select {
	case j.maintaining <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (j *Journal) endMaintenance() { <-j.maintaining }

// checkDisk refuses appends when nothing can be recorded, and allows them again
// once the disk has recovered.
func (j *Journal) checkDisk() {
	if err := j.store.Check(); err != nil && j.queue.refused() == nil {
		// The committer would notice it too, but it may be waiting for Pebble, which
		// waits for space.
		j.queue.refuse(disk.Unavailable(err))
		j.opt.Logger.Error("chat journal: can't record", zap.Error(err))
	}
	if j.queue.refused() == nil || !j.store.Recovered() {
		return
	}
	if !j.store.Healthy() {
		if err := j.reopen(); err != nil {
			j.opt.Logger.Warn("chat journal: can't open the store again", zap.Error(err))
			return
		}
	}
	if lost := j.unresolved.removeLost(); lost != nil && j.loseAll(j.background, *lost) != nil {
		return // the journal is being closed
	}
	j.queue.refuse(nil)
	j.opt.Logger.Info("chat journal: records again")
}

// reopen opens a store that has failed again. What nobody was told is recorded is lost
// then, unless the log could not be rewound.
func (j *Journal) reopen() error {
	h, err := j.store.Reopen(j.recordedSoFar(), j.takeOver)
	if !errors.Is(err, disk.ErrNotRewound) {
		j.answerUncertain(disk.Unavailable(errLost))
	}
	if err == nil {
		err = h.DB.Failed() // if it has, the store can be read
	}
	return err
}

// takeOver is called when the store is open again and nobody uses it yet. If it has
// lost something, memory knows too much: it forgets all.
func (j *Journal) takeOver(h *disk.Handle) error {
	if epoch, _ := j.shown.get(); h.Epoch == epoch {
		return nil
	}
	j.unresolved.addLost(journal.Lost{Epoch: h.Epoch, Why: h.Renew})
	j.rooms.EvictAll()
	return j.loadTotals(h)
}
