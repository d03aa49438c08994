package inspect

import (
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// noTables is a disk on which writing a table hangs.
type noTables struct {
	vfs.FS
	hold   atomic.Bool
	refuse chan struct{} // closed to let it go on
}

func (d *noTables) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if d.hold.Load() && strings.HasSuffix(name, tableSuffix) {
		<-d.refuse
	}
	return d.FS.Create(name, c)
}
