package pebblejournal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2"
)

// Journal is a journal.Journal in a directory. All its methods may be called from
// several goroutines at once.
type Journal struct {
	// Fixed once Open has returned.
	opt       Options
	epoch     string
	store     *store
	rooms     *rooms
	followers *followers
	queue     *queue
	keeper    *keeper
	maxBytes  atomic.Int64 // Options.MaxBytes, as last set
	filter    filter
	outage    outage
	meter     meter

	written  chan *group   // from the committer to the answerer
	answered chan struct{} // and back: those who appended are answered
	spare    chan *group   // and back: followers too, the group may be used again

	// Owned by the committer.
	tally tally

	ends     sync.WaitGroup // of the committer, the answerer and the keeper
	closing  sync.Once
	closeErr error // set under closing
}

var _ journal.Journal = (*Journal)(nil)

// storeFormat is the form of what is in the tables. A store of another one is
// not touched.
const storeFormat = "1"

// Open opens the journal in opt.Dir, or makes it. Its errors name the directory
// and say what to do.
func Open(opt Options) (*Journal, error) {
	opt = opt.withDefaults()
	dir, err := filepath.Abs(opt.Dir)
	if err != nil || opt.Dir == "" {
		return nil, fmt.Errorf("open journal %q: no such directory can be", opt.Dir)
	}
	opt.Dir = dir
	j := &Journal{
		opt:       opt,
		rooms:     newRooms(opt.CacheBytes),
		followers: &followers{byRoom: map[string][]*follower{}},
		queue:     newQueue(),
		spare:     make(chan *group, 2),
		written:   make(chan *group),
		answered:  make(chan struct{}, 1),
	}
	if j.store, err = openStore(&j.opt); err != nil {
		return nil, opt.openError(err)
	}
	if err := j.begin(); err != nil {
		j.store.close()
		return nil, opt.openError(err)
	}
	j.SetMaxBytes(opt.MaxBytes)
	j.spare <- newGroup(j)
	j.spare <- newGroup(j)
	j.answered <- struct{}{}
	j.keeper = newKeeper(j)
	j.ends.Go(j.commitAll)
	j.ends.Go(j.answerAll)
	j.ends.Go(j.keeper.run)
	return j, nil
}

// begin reads what the store says of itself, and says it in a new one.
func (j *Journal) begin() error {
	h := j.store.peek()
	format, err := h.get(metaKey(metaFormat))
	if err != nil {
		return err
	}
	if format == nil {
		if err := h.found(); err != nil {
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
	return j.beginTally(h)
}

func (j *Journal) beginTally(h *handle) error {
	value, err := h.get(tallyKey)
	if err != nil || value == nil {
		return err
	}
	if j.tally, err = decodeTally(value); err != nil {
		return err
	}
	j.meter.begin(j.tally)
	return nil
}

// found writes a new store's first lines. Another program's store is left alone.
func (h *handle) found() error {
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
	// Pebble begins a new store's first log in an old form, in which a torn
	// end is harder to tell from damage. This begins the next log.
	if err := h.db.Flush(); err != nil {
		return err
	}
	return h.db.Failed()
}

func newEpoch() []byte { return []byte(rand.Text()[:10]) }

// Append hands e in. It waits only when several megabytes wait to be written
// before it: those who append faster than the disk takes are slowed down.
//
// done is called by one goroutine for all, one after the other. Until it
// returns nobody else is answered; a panic in it is logged. It must not call
// Close.
func (j *Journal) Append(e journal.Entry, done func(journal.Receipt, error)) {
	it := item{entry: e, done: done}
	if e.Key != "" && e.Kind.Recorded() {
		it.claim = claimOf(e.Room, e.From.ID, e.Key)
	}
	if err := j.queue.put(it); err != nil {
		done(journal.Receipt{}, err)
	}
}

// change has the committer make a change of the journal's own, and waits for it
// to be durable.
func (j *Journal) change(ctx context.Context, upkeep bool, change func(*group) error) error {
	result := make(chan error, 1)
	err := j.queue.put(item{change: change, upkeep: upkeep, done: func(_ journal.Receipt, err error) { result <- err }})
	if err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close writes what was appended, ends every Follow and releases the directory.
// On a disk that fails, what could not be written has been answered with an
// error.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closeErr = j.close() })
	return j.closeErr
}

func (j *Journal) close() error {
	j.keeper.stop()
	j.queue.close()
	if j.queue.refused() != nil {
		// The committer may be waiting for Pebble, and Pebble for room.
		if h := j.store.peek(); h != nil {
			h.db.Discard(errLost)
		}
	}
	j.ends.Wait()
	j.followers.close()
	j.answerHeld()
	return j.store.close()
}
