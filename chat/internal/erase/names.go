package erase

import (
	"context"
	"encoding/json"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/tags"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// redactTimeout is how long one commit of names may take.
const redactTimeout = 10 * time.Second

// names takes the name and the picture of a user out of entries, and what they have tagged messages with.
type names struct {
	redactor journal.Redactor // nil: they stay
	user     string
}

// shown returns the numbers of those of a room's entries that show them.
func (n *names) shown(page []journal.Entry) (seqs []journal.Seq) {
	for i := range page {
		if e := page[i]; n.hide(&e) {
			seqs = append(seqs, e.Seq)
		}
	}
	return seqs
}

// erase takes them out of entries of a room. It returns how many these were.
func (n *names) erase(ctx context.Context, room string, page []journal.Entry) (int, error) {
	if n.redactor == nil {
		return 0, nil
	}
	seqs := n.shown(page)
	if len(seqs) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, redactTimeout)
	defer cancel()
	return len(seqs), n.redactor.Redact(ctx, room, seqs, n.hide)
}

// hide takes them out of one entry. It returns false if they are not in it.
func (n *names) hide(e *journal.Entry) bool {
	found := false
	if from := &e.From; from.ID == n.user && from.Name+from.Avatar != "" {
		from.Name, from.Avatar = "", ""
		found = true
	}
	if e.From.ID == n.user && tags.IsOwn(e) {
		e.Body = nil
		found = true
	}
	if e.Kind == journal.Member {
		if body := n.hideMember(e.Body); body != nil {
			e.Body = body
			found = true
		}
	}
	return found
}

// hideMember returns the body of an entry that says who belongs to its room without the name and
// the picture, or nil if they are not in it.
func (n *names) hideMember(body []byte) []byte {
	var m wire.Members
	if json.Unmarshal(body, &m) != nil {
		return nil // it shows nobody
	}
	found := false
	hide := func(u *wire.User) {
		if u != nil && u.ID == n.user && u.Name+u.Avatar != "" {
			u.Name, u.Avatar = "", ""
			found = true
		}
	}
	for i := range m.Users {
		hide(&m.Users[i])
	}
	if hide(m.Owner); !found {
		return nil
	}
	return m.Append(nil)
}
