// Package verify decides whether a journal's store may be opened, and whether anything
// is missing from it. It compares what the files have with what the witness says, and
// changes nothing before Prepare.
package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/inspect"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// BackupMark is a file in every backup. A store that has it gets another epoch.
const BackupMark = "BACKUP"

var (
	// ErrForeign is wrapped by the error of a store that is not a journal.
	ErrForeign = errors.New("it holds another program's data; choose another directory")
	// ErrDamaged is wrapped by the error of a store that would lose data if it were
	// opened.
	ErrDamaged = inspect.ErrDamaged

	// ErrBackup is why a store that was a backup gets another epoch. Nothing is missing.
	ErrBackup = errors.New("it was a backup")
)

// Config says where the store is, and which of its keys say what.
type Config struct {
	Dir     string
	FS      vfs.FS
	Options *pebble.Options

	// Keys of the store, which begin with the same byte. Witnessed is there if the
	// store has had a witness.
	Format, Epoch, Totals, Witnessed string

	// Formats are those that can be opened.
	Formats []string

	// Entries returns how many entries and changes of records the store has taken in by
	// its totals.
	Entries func(totals []byte) (uint64, error)
}

// Store is what a store is like before it is opened.
type Store struct {
	// Fresh says that there is no store yet. The rest is empty then.
	Fresh bool

	Format, Epoch string
	Entries       uint64 // and changes of records that the store has taken in, kept or not
	Witnessed     bool   // it has had a witness
	Unreadable    bool   // a damaged block has some of this

	// Renew is why the store must get another epoch, or nil: something is missing, or
	// may be, or it is ErrBackup. Lost is how many entries and changes of records
	// are missing at least.
	Renew error
	Lost  uint64

	// Warnings say what else was found, in words.
	Warnings []string

	found *inspect.Found
}

// Look looks at the store. atLeast is how many entries the caller knows it to have
// taken in; 0 if it does not know.
func Look(c Config, atLeast uint64) (*Store, error) {
	found, err := inspect.Look(inspect.Config{
		Dir: c.Dir, FS: c.FS, Options: c.Options,
		Meta: c.Format[0], Keys: []string{c.Format, c.Epoch, c.Totals, c.Witnessed},
	})
	if err != nil {
		return nil, err
	}
	w, witnessErr := witness.Read(c.FS, c.Dir)
	s := &Store{found: found, Warnings: found.Warnings, Unreadable: found.MetaDamage != nil}
	noWitness := oserror.IsNotExist(witnessErr)
	switch {
	case witnessErr != nil && !noWitness && !errors.Is(witnessErr, witness.ErrUnreadable):
		return nil, witnessErr
	case found.Foreign && noWitness:
		return nil, ErrForeign
	case !found.Exists && !noWitness:
		return nil, fmt.Errorf("%w: only the file %s is left", ErrDamaged, witness.Name)
	case len(found.Meta) == 0 && found.MetaDamage == nil && !found.TornManifest && noWitness:
		s.Fresh = true // or it was being made when the process ended
		return s, nil
	case len(found.Meta) == 0 && (found.MetaDamage == nil || witnessErr != nil):
		return nil, fmt.Errorf("%w: what it needs to be opened is gone: %w", ErrDamaged, errors.Join(found.MetaDamage, witnessErr))
	}
	if err := s.identify(c, &w, witnessErr); err != nil {
		return nil, err
	}
	return s, s.compare(c, &w, witnessErr, atLeast)
}

// identify finds out the format and the epoch. The witness has them too.
func (s *Store) identify(c Config, w *witness.Witness, witnessErr error) error {
	_, s.Witnessed = s.found.Meta[c.Witnessed]
	s.Format, s.Epoch = string(s.found.Meta[c.Format]), string(s.found.Meta[c.Epoch])
	if s.Format == "" && witnessErr == nil {
		s.Format, s.Witnessed = w.Format, true
	}
	if s.Epoch == "" && witnessErr == nil {
		s.Epoch = w.Epoch
	}
	switch {
	case s.Format == "" || s.Epoch == "":
		return fmt.Errorf("%w: its format or its epoch cannot be read: %w", ErrDamaged, errors.Join(s.found.MetaDamage, witnessErr))
	case !slices.Contains(c.Formats, s.Format):
		return fmt.Errorf("its format is %q and this program knows only %s: %w", s.Format, quoted(c.Formats), failstop.ErrNewer)
	}
	return nil
}

func quoted(words []string) string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = fmt.Sprintf("%q", word)
	}
	return strings.Join(list, " and ")
}

// compare finds out what is missing.
func (s *Store) compare(c Config, w *witness.Witness, witnessErr error, atLeast uint64) error {
	f := s.found
	if err := s.checkGap(c); err != nil {
		return err
	}
	entries, err := c.entries(f.Meta)
	if err != nil && f.MetaDamage == nil {
		return err
	}
	s.Entries = entries
	beyond, _ := c.entries(f.Beyond)
	backup, err := exists(c.FS, c.FS.PathJoin(c.Dir, BackupMark))
	if err != nil {
		return err
	}
	if backup { // the witness is of another store, if there is one
		*w, witnessErr, s.Renew = witness.Witness{Epoch: s.Epoch}, nil, ErrBackup
	}
	if f.MetaDamage != nil {
		s.Warnings = append(s.Warnings, fmt.Sprintf("a table is damaged: %v", f.MetaDamage))
		s.Entries = max(entries, w.Entries)
	}
	var why []error
	if f.LogDamage != nil {
		why = append(why, f.LogDamage)
	}
	if known := max(w.Entries, atLeast); known > s.Entries {
		why = append(why, fmt.Errorf("the store had taken in %d entries and changes of records, and has %d of them", known, s.Entries))
	}
	s.Lost = max(w.Entries, atLeast, beyond, s.Entries) - s.Entries
	switch {
	case witnessErr != nil && s.Witnessed:
		why = append(why, fmt.Errorf("so nobody knows whether something is missing: %w", witnessErr))
	case witnessErr != nil: // a store that has never had one
	case w.Renew:
		why = append(why, errors.New("this was found before, and the store was not opened since"))
	case w.Closed && !f.Closed:
		why = append(why, errors.New("the log does not end as it was closed"))
	case w.Epoch != s.Epoch:
		why = append(why, fmt.Errorf("%s is of another epoch", witness.Name))
	}
	if len(why) > 0 {
		s.Renew = errors.Join(why...)
	}
	return s.checkTables(witnessErr == nil)
}

// checkGap compares the oldest batch of the logs with the tables, which have all that
// was recorded before it.
func (s *Store) checkGap(c Config) error {
	f := s.found
	if f.First[c.Totals] == nil || f.MetaDamage != nil {
		return nil
	}
	before, err := c.entries(f.Tables)
	if err != nil {
		return err
	}
	first, err := c.entries(f.First)
	if err != nil {
		return err
	}
	// A batch sets at least one key for each of its entries.
	if first <= before+f.FirstCount {
		return nil
	}
	return f.DistrustLogs(c.FS, fmt.Errorf("a log is missing: the tables end at %d entries and the logs begin above %d", before, first-f.FirstCount))
}

// checkTables refuses a store whose manifest has lost its end. If it were opened,
// tables that the manifest no longer names would be deleted.
func (s *Store) checkTables(sure bool) error {
	lost := s.Renew != nil && !errors.Is(s.Renew, ErrBackup)
	switch f := s.found; {
	case f.TornManifest && (lost || !sure):
		return fmt.Errorf("%w: the manifest is cut: %w", ErrDamaged, s.Renew)
	case s.Lost > 0 && f.LogDamage == nil && len(f.Unnamed) > 0:
		return fmt.Errorf("%w: the manifest does not name %s: %w", ErrDamaged, strings.Join(f.Unnamed, ", "), s.Renew)
	case f.TornManifest:
		s.Warnings = append(s.Warnings, "the manifest ended in the middle of a record, as after a loss of power; nothing is missing")
	}
	return nil
}

func (c *Config) entries(meta map[string][]byte) (uint64, error) {
	value := meta[c.Totals]
	if value == nil {
		return 0, nil
	}
	return c.Entries(value)
}

func exists(fs vfs.FS, name string) (bool, error) {
	_, err := fs.Stat(name)
	if oserror.IsNotExist(err) {
		return false, nil
	}
	return err == nil, err
}

// Prepare makes the store ready to be opened, and notes in the witness that it is open
// and whether it must get another epoch, so that this is known even if the process
// ends before it has got one.
func (s *Store) Prepare(fs vfs.FS, k *witness.Keeper) error {
	if s.Fresh {
		return nil
	}
	if err := s.found.MakeMarkers(fs); err != nil {
		return err
	}
	w := witness.Witness{Format: s.Format, Epoch: s.Epoch, Entries: s.Entries, Renew: s.Renew != nil}
	return k.Write(w)
}

// View returns fs with the store as it can be believed: see inspect.Found.View.
func (s *Store) View(fs vfs.FS) vfs.FS { return s.found.View(fs) }
