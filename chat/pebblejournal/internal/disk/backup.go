package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/failstop"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/verify"
	"github.com/caddychat/caddy-chat/chat/pebblejournal/internal/witness"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Backup copies the store to a directory that does not exist, one backup at a time. It
// looks for room first, and removes what it has made if it fails.
func (s *Store) Backup(ctx context.Context, dir string) error {
	target, err := s.backupTarget(dir)
	if err != nil {
		return err
	}
	if err := s.Check(); err != nil {
		return Unavailable(err)
	}
	return s.Aside(ctx, func(ctx context.Context, h *Handle) error {
		select {
		case s.backingUp <- struct{}{}:
			defer func() { <-s.backingUp }()
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return s.copyTo(ctx, h, target)
	})
}

// backupTarget returns the absolute path of a directory that a backup can be made in. A
// symbolic link may lead into the journal.
func (s *Store) backupTarget(dir string) (string, error) {
	target, err := filepath.Abs(dir)
	if err != nil || dir == "" {
		return "", fmt.Errorf("%w: no such directory can be", fs.ErrInvalid)
	}
	real, err := RealPath(target)
	if err != nil {
		return "", err
	}
	own, err := RealPath(s.opt.Dir)
	if err != nil {
		return "", err
	}
	if within, err := filepath.Rel(own, real); err == nil && filepath.IsLocal(within) {
		return "", fmt.Errorf("%w: it is within the journal; choose another directory", fs.ErrInvalid)
	}
	if _, err := os.Lstat(target); err == nil {
		return "", fmt.Errorf("%w; choose another name, or remove it", fs.ErrExist)
	}
	return target, nil
}

// BackupMark is a file that every backup has.
const BackupMark = verify.BackupMark

// copyTo makes a backup.
func (s *Store) copyTo(ctx context.Context, h *Handle, dir string) error {
	if err := s.checkBackupRoom(h, dir); err != nil {
		return Unavailable(err)
	}
	err := h.DB.Checkpoint(ctx, dir)
	if err == nil {
		err = s.markBackup(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = errors.Join(err, s.fs.RemoveAll(dir))
	}
	return err
}

func (s *Store) markBackup(dir string) error {
	f, err := s.fs.Create(filepath.Join(dir, verify.BackupMark), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// checkBackupRoom returns an error if there is no room for a backup in dir.
func (s *Store) checkBackupRoom(h *Handle, dir string) error {
	parent := filepath.Dir(dir)
	for {
		if _, err := os.Stat(parent); err == nil || parent == filepath.Dir(parent) {
			break
		}
		parent = filepath.Dir(parent)
	}
	m := h.DB.Metrics()
	need := m.WAL.PhysicalSize + 8<<20 // and the manifest
	if !s.canShare(parent) {
		need += m.DiskSpaceUsage()
	}
	return failstop.CheckFree(s.fs, parent, int64(need))
}

// canShare reports whether files in the directory can be other names of the store's.
func (s *Store) canShare(dir string) bool {
	name := filepath.Join(dir, ".caddy-chat-backup")
	defer s.fs.Remove(name)
	return s.fs.Link(filepath.Join(s.opt.Dir, witness.Name), name) == nil
}
