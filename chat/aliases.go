package chat

import (
	"github.com/caddychat/caddy-chat/chat/internal/mailbox"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/memjournal"
)

type (
	Seq           = journal.Seq
	Kind          = journal.Kind
	User          = journal.User
	Entry         = journal.Entry
	Journal       = journal.Journal
	Receipt       = journal.Receipt
	Query         = journal.Query
	Page          = journal.Page
	Records       = journal.Records
	Retention     = journal.Retention
	Restorer      = journal.Restorer
	JournalStats  = journal.Stats
	MemoryOptions = memjournal.Options

	mailboxOf[T any] = mailbox.Mailbox[T]
)

const (
	Message = journal.Message
	Recall  = journal.Recall
	Notice  = journal.Notice
	Binary  = journal.Binary
	Signal  = journal.Signal
	Aside   = journal.Aside
)

var (
	ErrJournalClosed = journal.ErrClosed
	ErrUnavailable   = journal.ErrUnavailable
	CheckRoom        = journal.CheckRoom
	CheckRestore     = journal.CheckRestore
	CheckKnown       = journal.CheckKnown
)

func NewMemoryJournal(opt MemoryOptions) Journal { return memjournal.New(opt) }
