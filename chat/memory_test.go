package chat_test

import (
	"testing"

	"github.com/caddychat/caddy-chat/chat"
	"github.com/caddychat/caddy-chat/chat/journaltest"
)

func TestMemoryJournal_KeepsEveryPromise(t *testing.T) {
	journaltest.Run(t,
		func(*testing.T) chat.Journal {
			everything := func(string) chat.Retention { return chat.Retention{} }
			return chat.NewMemoryJournal(chat.MemoryOptions{Retention: everything})
		},
		journaltest.Retain(func(_ *testing.T, keep func(string) chat.Retention) chat.Journal {
			return chat.NewMemoryJournal(chat.MemoryOptions{Retention: keep})
		}, nil),
	)
}
