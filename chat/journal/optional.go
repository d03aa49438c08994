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
