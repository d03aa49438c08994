package failstop

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrNewer means that the store has a format which this program's Pebble does not know.
var ErrNewer = errors.New("it was written by a newer program; install that, or choose another directory")

// Check returns why a store in dir could not be opened now, as far as the names, sizes
// and permissions of its files show. It opens no file and changes nothing, and does
// not mind that the store is open. dir is absolute.
func Check(dir string) error {
	info, err := os.Stat(dir)
	for parent := dir; errors.Is(err, fs.ErrNotExist) && parent != filepath.Dir(parent); {
		// The missing directories will be made in the first one that exists.
		if _, err := os.Lstat(parent); err == nil {
			return fmt.Errorf("%s is a symbolic link that leads to nothing; mount the disk that it leads to, or make that directory", parent)
		}
		parent = filepath.Dir(parent)
		if info, err = os.Stat(parent); err == nil {
			return checkDir(parent, info)
		}
	}
	if err == nil {
		err = checkDir(dir, info)
	}
	if err != nil {
		return err
	}
	if err := checkFreeToOpen(vfs.Default, dir); err != nil {
		return err
	}
	// Whoever has the store open may replace its manifest while the names are read. It
	// does so rarely: damage is there each time.
	for try := 0; ; try++ {
		entries, err := os.ReadDir(dir)
		if err == nil {
			err = checkFiles(entries)
		}
		if try == 2 || !errors.Is(err, pebble.ErrCorruption) {
			return err
		}
	}
}

func checkDir(dir string, info fs.FileInfo) error {
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory; choose another one", dir)
	}
	if err := writable(dir); err != nil {
		return &fs.PathError{Op: "access", Path: dir, Err: err}
	}
	return nil
}

// CheckVersion returns ErrNewer if a store has a format that this program's Pebble does
// not know. Pebble would call it damaged.
func CheckVersion(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if part := strings.SplitN(name, ".", 4); len(part) == 4 && part[0] == "marker" && part[1] == "format-version" && isNewer(part[3]) {
			return ErrNewer
		}
	}
	return nil
}

func isNewer(version string) bool {
	n, err := strconv.Atoi(version)
	return err == nil && n > int(pebble.FormatNewest)
}

// checkFiles looks at the files of a store. Pebble names its manifest and its format
// in the names of two empty files, marker.manifest.{n}.{name} and
// marker.format-version.{n}.{version}.
func checkFiles(entries []fs.DirEntry) error {
	sizes, markers, tables := map[string]int64{}, map[string]string{}, false
	for _, e := range entries { // which are sorted, so the newest marker comes last
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed since the names were read
		}
		if err != nil {
			return err
		}
		sizes[e.Name()] = info.Size()
		tables = tables || strings.HasSuffix(e.Name(), ".sst")
		if part := strings.SplitN(e.Name(), ".", 4); len(part) == 4 && part[0] == "marker" {
			markers[part[1]] = part[3]
		}
	}
	if isNewer(markers["format-version"]) {
		return ErrNewer
	}
	manifest, known := markers["manifest"]
	switch {
	case !known && tables:
		return fmt.Errorf("%w: marker.manifest is missing", pebble.ErrCorruption)
	case known && sizes[manifest] == 0:
		return fmt.Errorf("%w: %s is missing or empty", pebble.ErrCorruption, manifest)
	}
	return nil
}
