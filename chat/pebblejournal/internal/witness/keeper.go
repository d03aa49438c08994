package witness

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// interval is how often the file is written at most.
const interval = time.Second

// Keeper writes the file of one store: at once when something was recorded, and then
// at most once a second. Whoever records only leaves a note for it.
type Keeper struct {
	// Fixed.
	fs  vfs.FS
	dir string

	turn  chan struct{} // a semaphore of one: whoever has sent to it writes the file
	noted chan struct{} // something was recorded since the file was written
	stop  chan struct{} // closed by Stop
	ended chan struct{} // closed when Run has returned
}

// NewKeeper returns a Keeper for the file in dir.
func NewKeeper(fs vfs.FS, dir string) *Keeper {
	return &Keeper{
		fs: fs, dir: dir,
		turn: make(chan struct{}, 1), noted: make(chan struct{}, 1),
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
}

// Write writes the file now.
func (k *Keeper) Write(w Witness) error {
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	return w.Write(k.fs, k.dir)
}

// Note says that something was recorded. It costs next to nothing.
func (k *Keeper) Note() {
	select {
	case k.noted <- struct{}{}:
	default:
	}
}

// Run writes what current returns whenever Note has been called, until Stop. current
// returns false if the store cannot be written; then, and after an error, Run tries
// again a second later. It is called while nobody else writes the file.
func (k *Keeper) Run(current func() (Witness, bool)) {
	defer close(k.ended)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-k.stop:
			return
		}
		select {
		case <-k.noted:
		case <-k.stop:
			return
		}
		if !k.writeCurrent(current) {
			k.Note()
		}
		pause.Reset(interval)
	}
}

func (k *Keeper) writeCurrent(current func() (Witness, bool)) bool {
	k.turn <- struct{}{}
	defer func() { <-k.turn }()
	w, ok := current()
	return ok && w.Write(k.fs, k.dir) == nil
}

// Stop makes Run return. The channel is closed when it has, which takes as long as the
// disk does. Stop must be called once, after Run.
func (k *Keeper) Stop() <-chan struct{} {
	close(k.stop)
	return k.ended
}
