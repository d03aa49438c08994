package pebblejournal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/commit"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"go.uber.org/zap"
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
		nodes:       journal.NewAlone(machineName()),
		queue:       newQueue(),
		committed:   make(chan *commit.Group),
		answered:    make(chan struct{}, 1),
		free:        make(chan *commit.Group, 2),
		maintaining: make(chan struct{}, 1),
	}
	j.rooms = commit.NewRooms(opt.CacheBytes, j.loadState)
	if j.store, err = disk.Open(opt.store()); err != nil {
		return nil, opt.openError(err)
	}
	if err := j.load(); err != nil {
		j.store.Close(nil)
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
	j.background, j.cancelBackground = context.WithCancelCause(context.Background())
	j.lastFullPass = j.opt.now().Add(firstFullPass - fullPassInterval)
	j.goroutines.Go(j.commitAll)
	j.goroutines.Go(j.dispatchAll)
	j.goroutines.Go(j.maintainAll)
	go j.store.Witness.Run(j.testify)
	j.store.Witness.Note() // the store is open
}

// load takes over the epoch and the totals of the store.
func (j *Journal) load() error {
	h := j.store.Peek()
	if err := h.DB.Failed(); err != nil {
		j.queue.refuse(disk.Unavailable(err))
		j.opt.Logger.Error("chat journal: can be read, but can't record", zap.Error(err))
	}
	return j.loadTotals(h)
}

// machineName returns what the machine is called, for people.
func machineName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// Close implements journal.Journal: it writes what was appended, ends every Follow and
// Watch, and releases the directory. If the disk fails, it answers what could not be
// written with an error. If the disk does not answer within 5 seconds, it gives up:
// what it has begun to write is answered with journal.ErrUncertain. The directory then
// stays locked until the disk answers, or the process ends. Later calls return what the
// first one did.
func (j *Journal) Close() error {
	j.closing.Do(func() { j.closeErr = j.close() })
	return j.closeErr
}

func (j *Journal) close() error {
	j.cancelBackground(journal.ErrClosed)
	j.queue.close()
	if j.queue.refused() != nil {
		// The committer may be waiting for Pebble, and Pebble for space.
		if h := j.store.Peek(); h != nil {
			h.DB.Discard(errLost)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- j.finish() }()
	patience := time.NewTimer(j.opt.patience)
	defer patience.Stop()
	select {
	case err := <-ended:
		return err
	case <-patience.C:
		j.giveUp()
		return fmt.Errorf("close journal %q: the disk does not answer; the directory stays locked until it does", j.opt.Dir)
	}
}

// finish ends everything. It takes as long as the disk does.
func (j *Journal) finish() error {
	j.goroutines.Wait()
	<-j.store.Witness.Stop()
	j.endListening()
	j.settleUncertain()
	w, _ := j.testify()
	return j.store.Close(&w)
}

// settleUncertain answers those for whom it is not certain whether their entry is
// recorded: it is not, if the log can be rewound.
func (j *Journal) settleUncertain() {
	answer := error(journal.ErrUncertain)
	if h := j.store.Peek(); h != nil && h.DB.Failed() != nil && h.DB.RewindLog() == nil {
		answer = disk.Unavailable(errLost)
	}
	j.answerUncertain(answer)
}

func (j *Journal) endListening() {
	j.nodes.Close()
	j.listeners.rooms.Close()
	j.listeners.feed.Close()
	j.listeners.watchers.Close()
}

// giveUp answers everybody who waits. finish goes on once the disk does.
func (j *Journal) giveUp() {
	j.opt.Logger.Error("chat journal: closed, though the disk does not answer", zap.String("dir", j.opt.Dir))
	j.store.Refuse()
	queued, _ := j.queue.take(nil)
	uncertain := j.inHand.giveUp()
	for _, it := range j.unresolved.removeItems() {
		uncertain = append(uncertain, it.Done)
	}
	j.endListening()
	for _, done := range uncertain {
		j.protect(func() { done(journal.Receipt{}, journal.ErrUncertain) })
	}
	for i := range queued {
		j.protect(func() { queued[i].Done(journal.Receipt{}, journal.ErrClosed) })
	}
}
