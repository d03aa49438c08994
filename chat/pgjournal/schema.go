package pgjournal

import (
	"context"
	"fmt"

	"github.com/caddychat/caddy-chat/chat/shared"
)

// Schema is what a database has of a hub.
type Schema struct {
	Name    string
	There   bool
	Version int      // that it has; 0 if it is not there
	Known   int      // the newest that this program knows
	Owner   string   // of its tables; the role of the address if it is not there
	Role    string   // of the address
	Due     []string // what each migration that is to be done is for, with its number
}

// Look returns what is there, and changes nothing.
func Look(ctx context.Context, o Options) (s Schema, err error) {
	config, conn, err := dial(ctx, o)
	if err != nil {
		return s, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	name := quoted(o.Schema)
	s = Schema{Name: o.Schema, Known: version, Owner: config.User, Role: config.User}
	have, err := schemaVersion(ctx, conn, name)
	switch {
	case code(err) == "42501":
		return s, unfit("the role %s may not use the schema %s: as its owner, %s", config.User, o.Schema, grants(name, quoted(config.User)))
	case err != nil:
		return s, reading(err)
	}
	if s.There = have != none; s.There {
		s.Version = have
		err = conn.QueryRow(ctx, `SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = to_regclass($1)`, name+".store").Scan(&s.Owner)
		if err != nil {
			return s, reading(err)
		}
	}
	for n := max(s.Version, 0) + 1; n <= version; n++ {
		s.Due = append(s.Due, fmt.Sprintf("%d: %s", n, purposes[n-1]))
	}
	return s, nil
}

// purposes are what the migrations are for.
var purposes = [version]string{
	"tables for rooms, entries, records and the feed, and the functions that write them",
	"a database that has lost something, or has moved to another server, is noticed",
	"another journal can be imported",
	"most messages are recorded in less than half the time",
	"less is looked up before most messages are recorded",
	"a message by itself is recorded sooner",
}

// NewEpoch gives all rooms a new epoch: each client of each node reads again, and read marks stay. It is for a store
// that lacks what was shown, where no node can know that.
func NewEpoch(ctx context.Context, o Options) (was, now string, err error) {
	s, err := Open(ctx, o)
	if err != nil {
		return "", "", err
	}
	defer s.Close()
	before, err := s.Marks(ctx, shared.Standing{})
	if err != nil {
		return "", "", err
	}
	if err := s.Continue(ctx, before.Epoch, false, shared.Standing{}); err != nil {
		return "", "", err
	}
	after, err := s.Marks(ctx, shared.Standing{})
	return before.Epoch, after.Epoch, err
}
