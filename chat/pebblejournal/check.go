package pebblejournal

import (
	"fmt"
	"path/filepath"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/disk"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
)

// ErrFull is wrapped by the errors of Open and Check when the disk has too little room,
// unless the system said so itself.
var ErrFull = failstop.ErrFull

// ErrNewer is wrapped by the errors of Open and Check for a store that a newer program has
// written.
var ErrNewer = failstop.ErrNewer

// Check returns why Open would fail for a directory now, as far as the names, sizes
// and permissions of its files show. It opens no file and changes nothing, and does
// not mind that a journal has the directory open. That it returns nil is no promise:
// only Open finds damage inside the files.
func Check(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil || dir == "" {
		return fmt.Errorf("open journal %q: no such directory can be", dir)
	}
	return (&Options{Dir: abs}).openError(failstop.Check(abs))
}

// RealPath returns the one name of a directory that has several: absolute, and without
// symbolic links. It need not exist.
func RealPath(dir string) (string, error) { return disk.RealPath(dir) }
