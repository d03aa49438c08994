package inspect

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// What the names of the files begin or end with.
const (
	manifestPrefix = "MANIFEST-"
	optionsPrefix  = "OPTIONS-"
	markerPrefix   = "marker."
	tableSuffix    = ".sst"
	logSuffix      = ".log"

	manifestMarker = markerPrefix + "manifest."
	formatMarker   = markerPrefix + "format-version."
)

// ErrDamaged is wrapped by the errors of a store whose files are damaged so that
// opening it would lose data.
var ErrDamaged = errors.New("the store is damaged")

func damage(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// Config says where the store is.
type Config struct {
	Dir string
	FS  vfs.FS

	// Options are those that the store will be opened with. Look changes a copy.
	Options *pebble.Options

	// Meta is the first byte of the keys whose values Look returns. Keys are those of
	// them that it looks for one by one if they cannot be read in one go.
	Meta byte
	Keys []string
}

// Found is what Look has found.
type Found struct {
	// Exists is false if the directory holds no store yet.
	Exists bool

	// Foreign says that there are keys, and none that begin with Config.Meta.
	Foreign bool

	// Meta are the newest values of the keys that begin with Config.Meta, by key.
	// Tables are those of them that the tables have, without the logs; First are those
	// of the oldest batch in the logs, and FirstCount is how many keys that batch
	// sets. Beyond are the newest ones that can be read behind the damage.
	Meta, Tables, First, Beyond map[string][]byte
	FirstCount                  uint64

	// LogDamage says why the logs cannot be believed to their end, MetaDamage why the
	// tables have not told all of Meta. They are nil if all is well.
	LogDamage, MetaDamage error

	// Closed says that the newest log ends as a store that is closed leaves it.
	Closed bool

	// TornManifest says that the manifest does not end behind a record.
	TornManifest bool

	// Unnamed are finished tables that the manifest does not name. Pebble will delete
	// them as obsolete.
	Unnamed []string

	// Markers are files that are missing and can be made again, empty.
	Markers []string

	// Warnings say what else was found, in words.
	Warnings []string

	dir    string
	limits map[string]int64
}
