package pebblejournal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// firstFullPass is how long after Open the first full pass of maintenance begins.
const firstFullPass = time.Minute

// Open opens the journal in opt.Dir, or makes a new one. Its errors name the
// directory and say what to do; they wrap ErrLocked or ErrCorrupt in the cases that
// these describe. Opening takes as long as reading the log, which is some 100 MiB
// at most.
//
// Only one journal can have a directory open. Close the journal when it is no
// longer needed.
func Open(opt Options) (*Journal, error) {
	opt = opt.withDefaults()
	dir, err := filepath.Abs(opt.Dir)
	if err != nil || opt.Dir == "" {
		return nil, fmt.Errorf("open journal %q: no such directory can be", opt.Dir)
	}
	opt.Dir = dir
	j := &Journal{
		opt:         opt,
		rooms:       newRoomCache(opt.CacheBytes),
		followers:   &followers{byRoom: map[string][]*follower{}},
		queue:       newQueue(),
		committed:   make(chan *commitGroup),
		answered:    make(chan struct{}, 1),
		free:        make(chan *commitGroup, 2),
		maintaining: make(chan struct{}, 1),
	}
	if j.store, err = openStore(&j.opt); err != nil {
		return nil, opt.openError(err)
	}
	if err := j.load(); err != nil {
		j.store.close()
		return nil, opt.openError(err)
	}
	j.start()
	return j, nil
}

// start starts the goroutines.
func (j *Journal) start() {
	j.SetMaxBytes(j.opt.MaxBytes)
	j.free <- j.newGroup()
	j.free <- j.newGroup()
	j.answered <- struct{}{}
	j.background, j.cancelBackground = context.WithCancel(context.Background())
	j.lastFullPass = j.opt.now().Add(firstFullPass - fullPassInterval)
	j.goroutines.Go(j.commitAll)
	j.goroutines.Go(j.dispatchAll)
	j.goroutines.Go(j.maintainAll)
}

// load reads the format, the epoch and the totals, and writes them to a new store.
func (j *Journal) load() error {
	h := j.store.peek()
	format, err := h.get(metaKey(metaFormat))
	if err != nil {
		return err
	}
	if format == nil {
		if err := h.initialize(); err != nil {
			return err
		}
	} else if string(format) != storeFormat {
		return fmt.Errorf("its format is %q and this program knows only %q", format, storeFormat)
	}
	if err := h.renewEpoch(); err != nil {
		return err
	}
	epoch, err := h.get(metaKey(metaEpoch))
	if err != nil {
		return err
	}
	if len(epoch) == 0 {
		return errDamaged
	}
	j.epoch = string(epoch)
	return j.loadTotals(h)
}

func (j *Journal) loadTotals(h *handle) error {
	value, err := h.get(totalsKey)
	if err != nil || value == nil {
		return err
	}
	if j.totals, err = decodeTotals(value); err != nil {
		return err
	}
	j.statistics.load(j.totals)
	return nil
}

// initialize writes the format and the epoch to a new store. It leaves the store of
// another program alone.
func (h *handle) initialize() error {
	iter, err := h.db.NewIter(nil)
	if err != nil {
		return err
	}
	foreign := iter.First()
	if err := errors.Join(iter.Error(), iter.Close()); err != nil {
		return err
	}
	if foreign {
		return errors.New("it holds another program's data; choose another directory")
	}
	b := h.db.NewBatch()
	defer b.Close()
	_ = b.Set(metaKey(metaEpoch), newEpoch(), nil)
	_ = b.Set(metaKey(metaFormat), []byte(storeFormat), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	// Pebble writes the first log of a new store in an older form, in which a torn
	// end is harder to tell from damage. Flush begins the next log.
	if err := h.db.Flush(); err != nil {
		return err
	}
	return h.db.Failed()
}

func newEpoch() []byte { return []byte(rand.Text()[:10]) }

// renewEpoch gives a store that was a backup a new epoch.
func (h *handle) renewEpoch() error {
	mark := filepath.Join(h.store.opt.Dir, backupMark)
	if exists, err := h.db.Exists(mark); err != nil || !exists {
		return err
	}
	if err := h.db.Set(metaKey(metaEpoch), newEpoch(), pebble.Sync); err != nil {
		return err
	}
	if err := h.db.Failed(); err != nil {
		return err
	}
	return h.db.Remove(mark)
}

// Close implements journal.Journal: it writes what was appended, ends every Follow
// and releases the directory. If the disk fails, it answers what could not be
// written with an error. Later calls return what the first one did.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closeErr = j.close() })
	return j.closeErr
}

func (j *Journal) close() error {
	j.cancelBackground()
	j.queue.close()
	if j.queue.refused() != nil {
		// The committer may be waiting for Pebble, and Pebble for space.
		if h := j.store.peek(); h != nil {
			h.db.Discard(errLost)
		}
	}
	j.goroutines.Wait()
	j.followers.close()
	j.answerUncertain()
	return j.store.close()
}
