package journal

import "context"

// A hub uses the following interfaces if its journal has them. A type that embeds a
// Journal hides them.

// Lister lists the rooms of a journal.
type Lister interface {
	// Rooms calls each for every room that has a head. If each returns an error,
	// Rooms stops and returns it.
	Rooms(ctx context.Context, each func(room string) error) error
}

// Redactor is a Journal that can take out of its entries what shows a person. Prove one with
// journaltest.Run.
type Redactor interface {
	// Redact calls change for each entry of a room with one of the numbers, at most MaxRedact, that
	// is kept, as it is by then, and keeps what change has made of it, if that returned true. change
	// may set From.Name and From.Avatar, and the Body of an entry that is no message. It must
	// neither grow an entry nor write into its bytes, must not block, and may be called
	// again for the same entry.
	//
	// Redact returns when the changes are as durable as entries. Readers get them from then
	// on; followers are told nothing. If it returns an error, repeat it: what it has done stays.
	Redact(ctx context.Context, room string, seqs []Seq, change func(*Entry) bool) error
}

// MaxRedact is how many entries one call of Redact may change: they are one commit.
const MaxRedact = 1000

// Reporter says how a journal is.
type Reporter interface {
	// Stats returns the journal's figures. It is cheap enough for once a second.
	Stats() Stats
	// Unavailable returns why nothing can be recorded now, or nil.
	Unavailable() error
	// Warnings returns what an operator should look at, in words: damage that was
	// found, private files that others may read. It is empty if all is well.
	Warnings() []string
}

// Bounded is a journal that bounds what records may take.
type Bounded interface {
	// RecordSpace returns by how many bytes records can still grow, and whether there is a
	// bound. It may be what was so a few seconds ago. It is quick.
	RecordSpace() (left int64, bounded bool)
}

// Maintainer is a journal on a disk.
type Maintainer interface {
	// Compact rewrites the store without what was deleted, erased or replaced. It
	// ends with ctx, and begins only if there is room for it.
	Compact(ctx context.Context) error
	// Backup copies the journal to a directory, which must not exist. It ends with
	// ctx, and begins only if there is room for it. What it made is removed if it
	// fails.
	Backup(ctx context.Context, dir string) error
}
