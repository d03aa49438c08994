package pgjournal

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/shared"
)

// Why a schema can't be used now. The errors of Open and Check that wrap them tell an operator what to
// do, and never have a password.
var (
	ErrUnreachable = errors.New("PostgreSQL can't be reached")
	ErrUnfit       = errors.New("PostgreSQL is not set up for a chat")
	ErrNewer       = errors.New("the schema is of a newer program")
)

// problem is an error of one of these kinds. Its text is all that is shown.
type problem struct {
	kind error
	text string
}

func (p *problem) Error() string { return p.text }
func (p *problem) Unwrap() error { return p.kind }

func unfit(format string, args ...any) error { return &problem{ErrUnfit, fmt.Sprintf(format, args...)} }

func unreachable(format string, args ...any) error {
	return &problem{ErrUnreachable, fmt.Sprintf(format, args...)}
}

// refusal says that certainly nothing has changed.
func refusal(err error) error {
	return fmt.Errorf("PostgreSQL: %w: %w", journal.ErrUnavailable, err)
}

// refused reports whether the server's answer to a statement says that it changed nothing.
// An error that ends the connection may come after the commit itself: only of some
// it is certain that the statement was never begun.
func refused(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	return e.Severity == "ERROR" || e.Code == "55P03" || strings.HasPrefix(e.Code, "53") || e.Code == "25006" || e.Code == "57P03"
}

// commitError is for what may have been recorded.
func commitError(err error) error {
	if code(err) == "CCR01" { // of check_store
		return fmt.Errorf("PostgreSQL: %w", shared.ErrRolledBack)
	}
	if refused(err) {
		return refusal(err)
	}
	return fmt.Errorf("PostgreSQL: %w: %w", journal.ErrUncertain, err)
}

// code is the SQLSTATE of err, or empty.
func code(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
