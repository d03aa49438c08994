package journal

import (
	"context"
	"slices"
	"strings"
)

// Record is a small value that is not an entry: a read mark, a mute, a ban, a role.
type Record struct {
	Key string // at most MaxRecordKey bytes of UTF-8

	// Value has at most MaxRecord bytes. It is nil where there is no such record, or
	// no longer, and where an entry's With deletes one. An empty value is not nil.
	Value []byte

	// Stamp is set by the journal.
	Stamp Stamp
}

// vital are the beginnings of the keys of vital records.
var vital = []string{"mute\x00", "ban\x00", "signedout\x00"}

// IsVital reports whether moderation cannot do without a record: it is of a mute, a ban, or a
// token that was revoked. A journal that bounds what records may take keeps room for these, so that
// nobody is safe from a ban because users have filled the rest.
func IsVital(key string) bool {
	return slices.ContainsFunc(vital, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// Records keeps records. A key is written either by the With of entries or by Put and
// Update, never by both: a journal need not cope with it. But Put may delete what With wrote,
// where no entry that writes the key comes any more.
type Records interface {
	// Put keeps value under key. A nil value deletes the key. When Put returns
	// nil, the change is as durable as an entry. If ctx ends first, or with
	// ErrUncertain, the change may still be made.
	Put(ctx context.Context, key string, value []byte) error

	// Update replaces the value under key by what f makes of it: f gets nil if there
	// is none, and deletes the key by returning nil. No other change of that key comes
	// between. f may be called several times, and must be quick and wait for nothing;
	// it may not keep or change what it gets, and is not called once Update has
	// returned. If f returns an error, nothing changes and Update returns that error.
	// Otherwise it is as for Put.
	Update(ctx context.Context, key string, f func(old []byte) ([]byte, error)) error

	// Get returns a record with a nil Value if there is no such key.
	Get(ctx context.Context, key string) (Record, error)

	// GetMany is Get for several keys, in the order asked. No record is older than one
	// that stands before it: a change that was made before that one is seen.
	GetMany(ctx context.Context, keys []string) ([]Record, error)

	// Scan calls each for every record whose key begins with prefix, in the order
	// of the keys, as they were at one moment. If each returns an error, Scan stops
	// and returns it. each may use the journal.
	Scan(ctx context.Context, prefix string, each func(Record) error) error

	// ScanMany is Scan for several prefixes, one after the other in the order asked, as
	// all of them were at one moment. each is told the index of the prefix, too.
	ScanMany(ctx context.Context, prefixes []string, each func(n int, r Record) error) error

	// Watch calls each for every record whose key begins with prefix, and then for
	// every change of one, on whichever node it was made: in the order of the
	// changes, one call at a time, with no lock held, and not before the change is
	// durable. A nil Value says that the record was deleted. each must not block.
	// Watch returns when it has told of the records that are there.
	// Watch is for keys that Put and Update write; what With writes is followed by
	// its entry. stop may be called from anywhere but each; it returns after the last
	// call of each.
	Watch(prefix string, each func(Record)) (stop func(), err error)
}
