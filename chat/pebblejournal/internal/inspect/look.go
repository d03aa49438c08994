package inspect

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Look looks at the store. It changes nothing. Its error wraps ErrDamaged if the
// store cannot be opened without losing what its tables have.
func Look(c Config) (*Found, error) {
	names, err := c.FS.List(c.Dir)
	if err != nil {
		return nil, err
	}
	c.Options = c.Options.Clone()
	c.Options.EnsureDefaults()
	f := &Found{dir: c.Dir, limits: map[string]int64{}}
	logs := &logReader{
		fs: c.FS, dir: c.Dir, meta: c.Meta, limits: f.limits,
		last: map[string][]byte{}, beyond: map[string][]byte{},
	}
	if len(withPrefix(names, manifestMarker)) == 0 && len(withSuffix(names, tableSuffix)) == 0 {
		// Only a store that is being made has neither a marker nor tables nor anything
		// in a log.
		if err := logs.readAll(withSuffix(names, logSuffix)); err != nil || logs.first == nil {
			return f, err
		}
		return nil, damage("there are logs, but no tables and no marker of the manifest")
	}
	f.Exists = true
	if f.Markers, err = findMarkers(c.FS, c.Dir, names, c.Options); err != nil {
		return nil, err
	}
	for _, name := range f.Markers {
		f.Warnings = append(f.Warnings, name+" was missing; it is made again")
	}
	warnings, err := limitOptions(c.FS, c.Dir, names, c.Options, f.limits)
	if err != nil {
		return nil, err
	}
	f.Warnings = append(f.Warnings, warnings...)
	if err := f.lookAtManifest(c); err != nil {
		return nil, err
	}
	opened, err := f.lookAtTables(c, names)
	if err != nil {
		return nil, err
	}
	if err := logs.readAll(opened); err != nil {
		return nil, err
	}
	f.take(logs)
	return f, nil
}

// take takes over what the logs have.
func (f *Found) take(logs *logReader) {
	f.Closed, f.Beyond = logs.closed, logs.beyond
	f.LogDamage = errors.Join(logs.damage...)
	f.Meta = map[string][]byte{}
	for _, values := range []map[string][]byte{f.Tables, logs.last} {
		for key, value := range values {
			f.Meta[key] = value
		}
	}
	if logs.first != nil {
		f.First, f.FirstCount, f.Foreign = logs.first.meta, logs.first.count, true
	}
	f.Foreign = f.Foreign && len(f.Meta) == 0
}

// DistrustLogs makes View show no logs, because what was recorded before them is
// missing.
func (f *Found) DistrustLogs(fs vfs.FS, why error) error {
	names, err := fs.List(f.dir)
	if err != nil {
		return err
	}
	for _, name := range withSuffix(names, logSuffix) {
		f.limits[name] = 0
	}
	for key, value := range f.Meta {
		f.Beyond[key] = value
	}
	f.Meta, f.LogDamage = f.Tables, errors.Join(f.LogDamage, why)
	return nil
}

// MakeMarkers makes the markers that are missing.
func (f *Found) MakeMarkers(fs vfs.FS) error {
	for _, name := range f.Markers {
		file, err := fs.Create(fs.PathJoin(f.dir, name), vfs.WriteCategoryUnspecified)
		if err == nil {
			err = errors.Join(file.Sync(), file.Close())
		}
		if err != nil {
			return err
		}
	}
	if len(f.Markers) == 0 {
		return nil
	}
	dir, err := fs.OpenDir(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f *Found) lookAtManifest(c Config) error {
	store, err := pebble.Peek(c.Dir, f.View(c.FS))
	if err != nil {
		return damage("%w", err)
	}
	f.TornManifest, err = readManifest(c.FS, store.ManifestFilename)
	if errors.Is(err, ErrDamaged) {
		return err
	}
	if err != nil {
		return damage("%w", err)
	}
	return nil
}

// lookAtTables opens the store read-only, without its logs. It returns the logs that
// Pebble would replay.
func (f *Found) lookAtTables(c Config, names []string) (logs []string, err error) {
	fs := &readOnly{FS: f.View(c.FS)}
	o := c.Options.Clone()
	o.FS, o.ReadOnly, o.CacheSize = fs, true, 1<<20
	o.Logger = silent{}
	o.EventListener = &pebble.EventListener{DataCorruption: func(pebble.DataCorruptionInfo) {}}
	db, err := open(c.Dir, o)
	if err != nil {
		return nil, err
	}
	err = errors.Join(f.readMeta(db, c), f.findUnnamed(db, c, names))
	return fs.opened, errors.Join(err, db.Close())
}

// open opens the store on a goroutine of its own, which Pebble may end or let panic.
func open(dir string, o *pebble.Options) (*pebble.DB, error) {
	type result struct {
		db  *pebble.DB
		err error
	}
	opened := make(chan result, 1)
	go func() {
		r := result{err: damage("Pebble has given up")}
		defer func() {
			if cause := recover(); cause != nil {
				r = result{err: damage("Pebble panicked: %v", cause)}
			}
			opened <- r
		}()
		db, err := pebble.Open(dir, o)
		r = result{db, err}
	}()
	r := <-opened
	return r.db, classify(r.err)
}

// classify wraps an error of opening the tables in ErrDamaged if it says that files
// are missing or cut.
func classify(err error) error {
	if err == nil || errors.Is(err, ErrDamaged) {
		return err
	}
	text := err.Error()
	for _, part := range []string{"object size mismatch", "no such file", "does not exist", "not exist", "unknown to the objstorage provider"} {
		if strings.Contains(text, part) {
			return damage("%w", err)
		}
	}
	if pebble.IsCorruptionError(err) {
		return damage("%w", err)
	}
	return err
}

func (f *Found) readMeta(db *pebble.DB, c Config) error {
	iter, err := db.NewIter(nil)
	if err != nil {
		return err
	}
	f.Tables = map[string][]byte{}
	for at := iter.SeekGE([]byte{c.Meta}); at && iter.Key()[0] == c.Meta; at = iter.Next() {
		f.Tables[string(iter.Key())] = append([]byte{}, iter.Value()...)
	}
	f.Foreign = iter.Error() == nil && len(f.Tables) == 0 && iter.First()
	f.MetaDamage = errors.Join(iter.Error(), iter.Close())
	if f.MetaDamage == nil {
		return nil
	}
	var unreadable []error
	for _, key := range c.Keys {
		value, closer, err := db.Get([]byte(key))
		if err == nil {
			f.Tables[key] = append([]byte{}, value...)
			closer.Close()
		} else if !errors.Is(err, pebble.ErrNotFound) {
			unreadable = append(unreadable, err)
		}
	}
	f.MetaDamage = errors.Join(unreadable...)
	return nil
}

// findUnnamed finds finished tables that the store does not have.
func (f *Found) findUnnamed(db *pebble.DB, c Config, names []string) error {
	levels, err := db.SSTables()
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, level := range levels {
		for _, table := range level {
			named[fmt.Sprintf("%06d%s", uint64(table.BackingSSTNum), tableSuffix)] = true
		}
	}
	for _, name := range withSuffix(names, tableSuffix) {
		if named[name] {
			continue
		}
		finished, err := isFinished(c.FS, c.FS.PathJoin(c.Dir, name))
		if err != nil {
			return err
		}
		if finished {
			f.Unnamed = append(f.Unnamed, name)
		}
	}
	return nil
}

// silent is the logger of a store that is only looked at.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) { runtime.Goexit() }
