package pebblejournal

import (
	"time"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/zap"
)

// Options say where a journal lives and how much it may take. Zero fields mean
// the defaults.
type Options struct {
	// Dir is the store's directory, made if need be. Nothing else should live
	// in it. Required.
	Dir string

	// Retention says how much of a room is kept; nil keeps everything. It is
	// called often and from several goroutines, without locks, and must be
	// quick. A Read never shows more than Count entries; otherwise retention is
	// enforced in the background: a busy room within seconds of growing an
	// eighth over, any room within the hour.
	//
	// Bytes counts the text of the entries and 64 bytes for each. A recalled
	// body counts until its entry goes.
	Retention func(room string) journal.Retention

	// MaxBytes bounds the whole store on disk: beyond it the oldest entries of
	// all rooms go, in the background. A store under a heavy load may be over
	// by what arrives while it clears up. Default 8 GiB, which is some thirty
	// million short messages; negative means no bound.
	MaxBytes int64

	// Reserve is the space on the disk that appends leave free. What clears up
	// needs some of it. Default 128 MiB.
	Reserve int64

	// CacheBytes bounds the memory for the newest entries of busy rooms and,
	// as much again, for blocks of the store. Default 32 MiB. What is being
	// written takes up to 64 MiB more under a heavy load.
	CacheBytes int64

	// Logger may be nil. Bodies and keys are never logged.
	Logger *zap.Logger

	// For tests.

	fs       vfs.FS
	truncate func(path string, size int64) error
	now      func() time.Time
	interval time.Duration // between rounds of the keeper; negative: none
	memTable uint64
}

const (
	defaultMaxBytes   = 8 << 30
	defaultReserve    = 128 << 20
	defaultCacheBytes = 32 << 20
	defaultInterval   = time.Second
)

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Reserve == 0 {
		o.Reserve = defaultReserve
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if o.memTable == 0 {
		o.memTable = memTableSize
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.interval == 0 {
		o.interval = defaultInterval
	}
	return o
}

// retention is what is kept of room.
func (o *Options) retention(room string) journal.Retention {
	if o.Retention == nil {
		return journal.Retention{}
	}
	return o.Retention(room)
}
