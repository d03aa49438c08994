package inspect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// readManifest reads a manifest. torn says that it does not end behind a record, as
// after a loss of power; all before is intact.
func readManifest(fs vfs.FS, path string) (torn bool, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	r := record.NewReader(f, 0)
	name, at, n := fs.PathBase(path), int64(0), 0
	for {
		rec, err := r.Next()
		if err == nil {
			_, err = io.Copy(io.Discard, rec)
		}
		if err == nil {
			at = r.Offset()
			n++
			continue
		}
		if n == 0 {
			return false, damage("%s cannot be read: %w", name, err)
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		break
	}
	tail, err := readFrom(fs, path, at)
	if err != nil {
		return false, err
	}
	chunksIn(tail, at, 0, false, func(chunk) {
		err = damage("%s, byte %d: the record there is damaged, and intact ones follow", name, at)
	})
	return true, err
}

// withPrefix returns the names that begin with prefix, in order.
func withPrefix(names []string, prefix string) (some []string) {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			some = append(some, name)
		}
	}
	slices.Sort(some)
	return some
}

func withSuffix(names []string, suffix string) (some []string) {
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			some = append(some, name)
		}
	}
	return some
}

// findMarkers returns the markers that are missing and can be made again. A marker is
// an empty file; its name says which manifest is in use, or the version of the files.
func findMarkers(fs vfs.FS, dir string, names []string, o *pebble.Options) (missing []string, err error) {
	if len(withPrefix(names, manifestMarker)) == 0 {
		manifests := withPrefix(names, manifestPrefix)
		if len(manifests) != 1 {
			return nil, damage("the marker of the manifest is missing, and there are %d manifests", len(manifests))
		}
		missing = append(missing, manifestMarker+"000001."+manifests[0])
	}
	if len(withPrefix(names, formatMarker)) == 0 {
		version, err := formatInOptions(fs, dir, names)
		if err != nil {
			return nil, err
		}
		if version > uint64(o.FormatMajorVersion) {
			return nil, fmt.Errorf("its files have version %d, and this program knows %d at most", version, o.FormatMajorVersion)
		}
		missing = append(missing, fmt.Sprintf("%s000001.%03d", formatMarker, version))
	}
	return missing, nil
}

// formatInOptions returns the version of the store's files by its options.
func formatInOptions(fs vfs.FS, dir string, names []string) (version uint64, err error) {
	for _, name := range withPrefix(names, optionsPrefix) {
		text, err := readFrom(fs, fs.PathJoin(dir, name), 0)
		if err != nil {
			return 0, err
		}
		if _, rest, ok := strings.Cut(string(text), "format_major_version="); ok {
			if _, err := fmt.Sscan(rest, &version); err == nil {
				return version, nil
			}
		}
	}
	return 0, damage("the marker of the version is missing, and the options do not say it")
}

// limitOptions shows options that cannot be parsed as empty. Pebble only compares them
// with its own, and writes new ones.
func limitOptions(fs vfs.FS, dir string, names []string, o *pebble.Options, limits map[string]int64) (warnings []string, err error) {
	for _, name := range withPrefix(names, optionsPrefix) {
		text, err := readFrom(fs, fs.PathJoin(dir, name), 0)
		if err != nil {
			return nil, err
		}
		// Options of another program are refused when the store is opened. They can be
		// parsed, and say what differs.
		err = o.CheckCompatibility(dir, string(text))
		if err != nil && !strings.Contains(err.Error(), "from file") || len(text) == 0 {
			limits[name] = 0
			warnings = append(warnings, name+" is empty or damaged; it is written again")
		}
	}
	return warnings, nil
}

// isFinished reports whether a table was written to its end.
func isFinished(fs vfs.FS, path string) (bool, error) {
	const magic = "\xf0\x9f\xaa\xb3\xf0\x9f\xaa\xb3"
	info, err := fs.Stat(path)
	if err != nil {
		return false, err
	}
	end, err := readFrom(fs, path, max(0, info.Size()-int64(len(magic))))
	return string(end) == magic, err
}
