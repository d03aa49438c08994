package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/format"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/migration"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/private"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/verify"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// reopenPause is how many times longer than opening takes a store stays as it is
// before it is opened again: a disk may fail in a way that Probe does not see.
const reopenPause = 9

func Open(opt *Config) (*Store, error) {
	s := &Store{
		opt: opt, fs: private.FS(opt.FS), changed: make(chan struct{}), backingUp: make(chan struct{}, 1),
		reading: make(chan struct{}, readersMax),
	}
	if err := opt.makeDir(s.fs); err != nil {
		return nil, err
	}
	lock, err := pebble.LockDirectory(opt.Dir, exclusive{s.fs})
	if failstop.IsLocked(err) {
		err = ErrLocked
	}
	if err != nil {
		return nil, err
	}
	s.lock, s.Witness = lock, witness.NewKeeper(s.fs, opt.Dir)
	s.exposed = private.Secure(opt.Dir, isStoreFile)
	for _, text := range s.exposed {
		opt.Logger.Warn("chat journal: others can read messages", zap.String("what", text))
	}
	if s.current, err = s.openHandle(0); err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

// isStoreFile reports whether a name is one that a file of the store may have.
func isStoreFile(name string) bool {
	switch {
	case name == "LOCK", strings.HasPrefix(name, witness.Name), name == verify.BackupMark, name == "probe":
		return true
	}
	for _, part := range []string{"MANIFEST-", "OPTIONS-", "marker.", "temporary."} {
		if strings.HasPrefix(name, part) {
			return true
		}
	}
	name = strings.TrimSuffix(name, ".damaged")
	return strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".sst")
}

// openHandle looks at the store and opens it. No other handle may be open. atLeast is
// how many entries this process knows the store to have taken in.
//
// If the disk cannot be written, the store is opened to be read, as after a failure.
func (s *Store) openHandle(atLeast uint64) (*Handle, error) {
	if err := failstop.CheckVersion(s.fs, s.opt.Dir); err != nil {
		return nil, err
	}
	found, err := s.opt.Look(s.fs, s.lock, atLeast)
	if err != nil {
		return nil, err
	}
	s.report(found)
	h := &Handle{store: s, leaving: make(chan struct{}), Epoch: found.Epoch, Renew: found.Renew, Entries: found.Entries}
	c := failstop.Config{Dir: s.opt.Dir, FS: found.View(s.fs), Truncate: s.opt.Truncate, Logger: s.opt.Logger}
	if err = found.Prepare(s.fs, s.Witness); err == nil {
		h.DB, err = failstop.Open(c, s.opt.pebbleOptions(s.lock))
	}
	if err != nil && !found.Fresh && !IsDamage(err) {
		h.DB, err = failstop.OpenReadOnly(c, s.opt.pebbleOptions(s.lock), err)
	}
	if err != nil {
		return nil, err
	}
	if err := h.settle(found); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	if h.OldRecords, err = h.findOldRecords(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	h.Durable = &Durable{db: h.DB}
	h.Durable.Advance()
	h.tables = newTables(h)
	return h, nil
}

// migrate brings a store of an older format up to date. A store that cannot be written
// is read as it is until it is opened again.
func (h *Handle) migrate(found *verify.Store) (err error) {
	if h.DB.Failed() != nil || found.Fresh {
		return nil
	}
	if err := migration.Run(h.DB, found.Format, h.store.opt.Logger); err != nil && h.DB.Failed() == nil {
		return err
	}
	return nil
}

// Look looks at a store without changing it. fs makes files private; lock may be nil.
// atLeast is how many entries this process knows the store to have taken in.
func (o *Config) Look(fs vfs.FS, lock *pebble.Lock, atLeast uint64) (*verify.Store, error) {
	return verify.Look(verify.Config{
		Dir: o.Dir, FS: fs, Options: o.pebbleOptions(lock),
		Format: string(format.MetaKey(format.MetaFormat)), Epoch: string(format.MetaKey(format.MetaEpoch)),
		Totals: string(format.MetaKey(format.MetaTotals)), Witnessed: string(format.MetaKey(format.MetaWitnessed)),
		Formats: []string{format.FirstVersion, format.Version},
		Entries: func(value []byte) (uint64, error) {
			t, err := format.DecodeTotals(value)
			return t.Recorded(), err
		},
	}, atLeast)
}

// report logs and remembers what was found.
func (s *Store) report(found *verify.Store) {
	for _, text := range found.Warnings {
		s.opt.Logger.Warn("chat journal: a file of the store is damaged", zap.String("dir", s.opt.Dir), zap.String("what", text))
	}
	warnings := found.Warnings
	switch {
	case found.Renew == verify.ErrBackup:
		s.opt.Logger.Info("chat journal: was a backup; it begins a new epoch", zap.String("dir", s.opt.Dir))
	case found.Renew != nil:
		s.opt.Logger.Warn("chat journal: the end of the store is missing; it goes on with what is left, in a new epoch, and clients read again",
			zap.String("dir", s.opt.Dir), zap.Uint64("missing_at_least", found.Lost), zap.Error(found.Renew))
		missing := "entries and changes of records may be missing"
		if found.Lost > 0 {
			missing = fmt.Sprintf("%d entries and changes of records or more are missing", found.Lost)
		}
		warnings = append(warnings, fmt.Sprintf("%s: %v", missing, found.Renew))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnings = append(s.warnings, warnings...)
	s.lost += found.Lost
}

func (s *Store) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

func (s *Store) Warnings() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Concat(s.exposed, s.warnings)
	if s.current != nil {
		for _, path := range s.current.DB.Damaged() {
			list = append(list, filepath.Base(path)+" is damaged; put a backup in the place of the store if what is missing is needed")
		}
	}
	return list
}

// settle gives a new store its format and epoch, and another epoch to one that needs
// it. A store that cannot be written now gets it when it is opened again.
func (h *Handle) settle(found *verify.Store) error {
	s := h.store
	if found.Renew != nil && s.renewed == "" {
		s.renewed = newEpoch()
	}
	if s.renewed != "" {
		h.Epoch = s.renewed
	}
	if found.Fresh {
		h.Epoch = newEpoch()
		if err := h.initialize(); err != nil {
			return err
		}
	}
	if err := h.migrate(found); err != nil {
		return err
	}
	if h.DB.Failed() != nil || !found.Fresh && found.Witnessed && !found.Unreadable && s.renewed == "" {
		return nil
	}
	return h.establish(found.Entries)
}

// initialize writes the format and the epoch to a new store.
func (h *Handle) initialize() error {
	b := h.DB.NewBatch()
	defer b.Close()
	_ = b.Set(format.MetaKey(format.MetaEpoch), []byte(h.Epoch), nil)
	_ = b.Set(format.MetaKey(format.MetaFormat), []byte(format.Version), nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	// Pebble writes the first log of a new store in an older form, in which a torn
	// end is harder to tell from damage. Flush begins the next log.
	if err := h.DB.Flush(); err != nil {
		return err
	}
	return h.DB.Failed()
}

func newEpoch() string { return rand.Text()[:10] }

// establish makes the epoch of the handle durable: in the store, then in the witness,
// then by removing the mark of a backup. Whatever comes between, the next opening
// begins again.
func (h *Handle) establish(entries uint64) error {
	s := h.store
	b := h.DB.NewBatch()
	defer b.Close()
	_ = b.Set(format.MetaKey(format.MetaEpoch), []byte(h.Epoch), nil)
	_ = b.Set(format.MetaKey(format.MetaFormat), []byte(format.Version), nil)
	_ = b.Set(format.MetaKey(format.MetaWitnessed), nil, nil)
	if err := b.Commit(pebble.Sync); err != nil {
		return err
	}
	if h.DB.Failed() != nil {
		return nil // it is opened again later
	}
	w := witness.Witness{Format: format.Version, Epoch: h.Epoch, Entries: entries}
	if err := s.Witness.Write(w); err != nil {
		h.DB.Fail(err)
		return nil
	}
	s.renewed = ""
	mark := filepath.Join(s.opt.Dir, verify.BackupMark)
	if exists, err := h.DB.Exists(mark); err != nil || !exists {
		return err
	}
	return h.DB.Remove(mark)
}

// IsDamage reports whether an error of opening the store is about its files and not
// about the disk.
func IsDamage(err error) bool {
	return pebble.IsCorruptionError(err) || errors.Is(err, format.ErrDamaged) || errors.Is(err, verify.ErrDamaged) ||
		errors.Is(err, fs.ErrNotExist)
}

// findOldRecords finds out whether the store has records of format 1.
func (h *Handle) findOldRecords() (found bool, err error) {
	iter, err := h.DB.NewIter(&pebble.IterOptions{
		LowerBound: format.TableStart(format.OldRecord), UpperBound: format.TableEnd(format.OldRecord),
	})
	if err != nil {
		return false, err
	}
	found = iter.First()
	err = errors.Join(iter.Error(), iter.Close())
	if pebble.IsCorruptionError(err) {
		return true, nil // there may be some
	}
	return found, err
}

// ErrNotRewound means that the log of a store that has failed still has what nobody was told
// is recorded.
var ErrNotRewound = errors.New("the log can't be rewound")

// Reopen closes the store and opens it again. atLeast is as for openHandle. opened is
// called before anybody else uses the new handle. After ErrNotRewound the store is as it
// was; after another error it is not open. Either way Reopen may be called again.
func (s *Store) Reopen(atLeast uint64, opened func(*Handle) error) (*Handle, error) {
	if old := s.detach(false); old != nil {
		// Not before the committer has let go: what it has committed meanwhile must stay.
		if err := old.rewind(); err != nil {
			old.leaving = make(chan struct{}) // nobody has the handle
			s.attach(old, nil)
			return nil, err
		}
		old.Close()
	}
	began := time.Now()
	h, err := s.openHandle(atLeast)
	s.notBefore = time.Now().Add(reopenPause * time.Since(began))
	if err == nil {
		if err = opened(h); err != nil {
			h.Close()
			h = nil
		}
	}
	s.attach(h, err)
	return h, err
}

// rewind removes from the log of a store that has failed what was not committed.
func (h *Handle) rewind() error {
	if h.DB.Failed() == nil {
		return nil
	}
	if err := h.DB.RewindLog(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRewound, err)
	}
	return nil
}
