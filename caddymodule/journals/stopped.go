package journals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/pebblejournal"
	"github.com/caddychat/caddy-chat/chat/pgjournal"
)

// Stopped is the journal of a hub that does not run.
type Stopped struct {
	engine   Engine
	location string
	params   Params
}

// ParseStopped reads what stands behind the option journal in a Caddyfile. A block may be in one line, with
// semicolons between its options.
func ParseStopped(text, hub string) (*Stopped, error) {
	if !strings.Contains(text, "\n") {
		text = strings.Replace(text, " { ", " {\n", 1)
		if rest, isBlock := strings.CutSuffix(strings.TrimSpace(text), " }"); isBlock {
			text = strings.ReplaceAll(rest, ";", "\n") + "\n}"
		}
	}
	tokens, err := caddyfile.Tokenize([]byte("journal "+text), "--journal")
	if err != nil {
		return nil, err
	}
	d := caddyfile.NewDispenser(tokens)
	d.Next()
	raw, err := Parse(d)
	if err != nil {
		return nil, err
	}
	if d.Next() {
		return nil, d.Err("chat: journal has something behind it: put its options between { and }")
	}
	var name struct{ Engine string }
	if err := json.Unmarshal(raw, &name); err != nil {
		return nil, err
	}
	info, err := caddy.GetModule("chat.journals." + name.Engine)
	if err != nil {
		return nil, err
	}
	module := info.New()
	if err := json.Unmarshal(raw, module); err != nil {
		return nil, err
	}
	s := &Stopped{params: Params{Hub: hub, Logger: zap.NewNop()}}
	var is bool
	if s.engine, is = module.(Engine); !is {
		return nil, fmt.Errorf("journal %s is no engine", name.Engine)
	}
	switch e := module.(type) {
	case *Memory:
		return nil, errors.New("journal memory is in the process of a running Caddy only: export from there, without --journal")
	case *Pebble:
		e.MaxSize = 8 << 50 // nothing is deleted
	}
	if v, is := module.(caddy.Validator); is {
		if err := v.Validate(); err != nil {
			return nil, err
		}
	}
	s.location, err = s.engine.Location(hub)
	return s, err
}

// Location says where it is, without a secret.
func (s *Stopped) Location() string { return s.location }

// Open opens the journal to write to it, and makes one if there is none.
func (s *Stopped) Open(ctx context.Context) (journal.Journal, error) {
	switch backup, err := s.isBackup(); {
	case err != nil:
		return nil, err
	case backup:
		return nil, fmt.Errorf("%s is a backup, and would be none any more: name another directory", s.location)
	}
	return s.engine.Open(ctx, s.location, s.params)
}

// OpenThere opens the journal to read it, if there is one. A backup stays as it is. done closes it.
func (s *Stopped) OpenThere(ctx context.Context) (j journal.Journal, done func() error, err error) {
	if err := s.checkThere(ctx); err != nil {
		return nil, nil, err
	}
	dir, forget := s.location, func() error { return nil }
	backup, err := s.isBackup()
	if backup {
		dir, forget, err = cloned(s.location)
	}
	if err != nil {
		return nil, nil, err
	}
	if j, err = s.engine.Open(ctx, dir, s.params); err != nil {
		return nil, nil, errors.Join(err, forget())
	}
	return j, func() error { return errors.Join(j.Close(), forget()) }, nil
}

// isBackup reports whether it is a backup that nobody has opened.
func (s *Stopped) isBackup() (bool, error) {
	if _, is := s.engine.(*Pebble); !is {
		return false, nil
	}
	_, err := os.Lstat(filepath.Join(s.location, pebblejournal.BackupMark))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// checkThere returns an error if there is no journal.
func (s *Stopped) checkThere(ctx context.Context) error {
	there := true
	var err error
	switch e := s.engine.(type) {
	case *Pebble:
		var files []os.DirEntry
		if files, err = os.ReadDir(s.location); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		there = slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "MANIFEST-") })
	case *Postgres:
		var schema pgjournal.Schema
		if schema, err = e.schema(ctx, s.params.Hub); err == nil {
			there = schema.There
		}
	}
	if err == nil && !there {
		err = fmt.Errorf("there is no journal at %s: look at the name, and at --hub", s.location)
	}
	return err
}

// ErrInUse says that a running server uses a journal.
var ErrInUse = pebblejournal.ErrLocked

// errNoSchema says that an engine has no schema.
var errNoSchema = errors.New("this is for journal postgres: the other ones have no schema, and no epoch that somebody else can lose")

// Schema says which version the schema of a database has.
func (s *Stopped) Schema(ctx context.Context) (pgjournal.Schema, error) {
	if e, is := s.engine.(*Postgres); is {
		return e.schema(ctx, s.params.Hub)
	}
	return pgjournal.Schema{}, errNoSchema
}

// Migrate brings the schema up to date. If server is not empty, that role gets the rights to serve it.
func (s *Stopped) Migrate(ctx context.Context, server string) error {
	e, is := s.engine.(*Postgres)
	if !is {
		return errNoSchema
	}
	o, err := e.options(s.params.Hub)
	if err != nil {
		return err
	}
	return pgjournal.Migrate(ctx, o, server)
}

// NewEpoch gives all rooms of a journal that is there a new epoch. Servers may run meanwhile.
func (s *Stopped) NewEpoch(ctx context.Context) (was, now string, err error) {
	e, is := s.engine.(*Postgres)
	if !is {
		return "", "", errNoSchema
	}
	o, err := e.options(s.params.Hub)
	if err == nil {
		err = s.checkThere(ctx)
	}
	if err != nil {
		return "", "", err
	}
	return pgjournal.NewEpoch(ctx, o)
}
