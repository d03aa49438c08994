package journal

import "context"

// Records keeps small values that are not entries: read marks, mutes and bans.
// Keys are valid UTF-8 of at most 512 bytes; values have at most 4 KiB.
type Records interface {
	// Put keeps value under key. A nil value deletes the key. When Put returns
	// nil, the change is as durable as an entry.
	Put(ctx context.Context, key string, value []byte) error
	// Get returns nil if there is no such key.
	Get(ctx context.Context, key string) ([]byte, error)
	// Scan calls each for every record whose key begins with prefix, in the order
	// of the keys. If each returns an error, Scan stops and returns it.
	Scan(ctx context.Context, prefix string, each func(key string, value []byte) error) error
}
