package journals

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// Engine is a kind of journal with its settings. Every module in the namespace
// chat.journals must implement it. Its methods are called after Provision. In a
// Caddyfile its UnmarshalCaddyfile is given the option journal, from the name of the
// engine on.
type Engine interface {
	// Location identifies where the journal of a hub is stored. Two hubs can't have
	// the same one. While a hub is open, a configuration with another location is
	// refused. Location must not create or open anything: the configuration may only
	// be validated.
	Location(hub string) (string, error)

	// Open opens the journal at a location that Location returned. Its error tells
	// the operator what is wrong and what to do. Then the chat is closed, and Open is
	// called again every few seconds. If ctx ends, nobody waits for the result any
	// more: Open should return, and a journal that it returns is closed.
	Open(ctx context.Context, location string, params Params) (journal.Journal, error)

	// Limits returns the settings that may change while the journal is open. Those
	// of the newest configuration apply.
	Limits() StorageLimits
}

// Checker is implemented by an engine that can look at a journal without opening or
// changing anything, while it may be in use.
type Checker interface {
	// Check returns why Open would fail now with the same arguments, as far as it can see
	// that before ctx ends. The error tells the operator what to do.
	Check(ctx context.Context, location string, params Params) error
}

// Fixed is implemented by an engine that has more settings than its location that can't
// change while its journal is open.
type Fixed interface {
	// Fixed returns these settings in words that show no secret. While a hub is open, a
	// configuration with other ones is refused.
	Fixed() string
}

// Renewer is implemented by an engine whose settings also say how to get to a location, such as
// with which password: that may change while a journal is open. What its placeholders say is asked
// in Location.
type Renewer interface {
	// IsNew reports whether these settings lead in another way to a journal that an engine of this
	// kind has opened. Then Check is asked before they are used.
	IsNew(j journal.Journal) bool

	// Renew lets such a journal be reached in this way from now on. It does not connect.
	Renew(j journal.Journal) error
}

// Params is what a hub passes to the journal that it opens.
type Params struct {
	Hub string
	// Retention returns how much of a room is kept, according to the newest
	// configuration. It is fast and takes no locks.
	Retention func(room string) journal.Retention
	Logger    *zap.Logger
}
