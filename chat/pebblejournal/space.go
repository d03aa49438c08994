package pebblejournal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errFull means that what is free on the disk is reserved.
var errFull = errors.New("the disk is full")

// free returns the space on the disk. Where it can't be known there is enough.
func (s *store) free() int64 {
	usage, err := s.opt.fs.GetDiskUsage(s.opt.Dir)
	if errors.Is(err, vfs.ErrUnsupported) || err == nil && usage.TotalBytes == 0 {
		return 1 << 62
	}
	if err != nil {
		return 0
	}
	return int64(min(usage.AvailBytes, 1<<62))
}

// checkRoom reports why nothing should be written now, or nil. What makes room
// may take half of the reserve.
func (s *store) checkRoom(h *handle, upkeep bool) error {
	if err := h.disk.ailing(); err != nil {
		return err
	}
	reserve := s.opt.Reserve
	if upkeep {
		reserve /= 2
	}
	return s.checkFree(reserve)
}

func (s *store) checkFree(need int64) error {
	if free := s.free(); free < need {
		return fmt.Errorf("%w: %d MiB free, %d MiB needed", errFull, free>>20, (need+1<<20-1)>>20)
	}
	return nil
}

// hasRoom reports whether there is room again: somewhat more than the reserve,
// so that appends aren't let in to be refused at once.
func (s *store) hasRoom() bool {
	return s.checkFree(s.opt.Reserve+s.opt.Reserve/8) == nil
}

// checkRoomToOpen makes sure that the store can be opened: what its logs hold is
// written to tables then.
func (s *store) checkRoomToOpen() error {
	names, err := s.opt.fs.List(s.opt.Dir)
	if err != nil {
		return err
	}
	need := int64(1 << 20)
	for _, name := range names {
		if info, err := s.opt.fs.Stat(s.opt.fs.PathJoin(s.opt.Dir, name)); err == nil && strings.HasSuffix(name, ".log") {
			need += info.Size() + info.Size()/4
		}
	}
	return s.checkFree(need)
}

// peek returns the store as it is open now, if it is, without using it.
func (s *store) peek() *handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// check reports why nothing should be appended, or nil.
func (s *store) check() error {
	h := s.peek()
	if h == nil {
		return nil
	}
	return s.checkRoom(h, false)
}

// healthy reports whether the store is open and its disk works.
func (s *store) healthy() bool {
	h := s.peek()
	return h != nil && h.disk.dead() == nil
}

// usable reports whether it is worth trying again after a failure. If it is,
// past failures to write a table are forgiven: there may be none to come that
// shows that they are past.
func (s *store) usable() bool {
	h := s.peek()
	if h != nil && errors.Is(h.disk.dead(), errEnded) || !s.hasRoom() || s.probe() != nil {
		return false
	}
	if h != nil {
		h.disk.forgive()
	}
	return true
}
