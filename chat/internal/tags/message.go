package tags

import (
	"cmp"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// some is how many users of a tag are named.
const some = 3

// ofMessage are the tags of a message. It keeps of each what is shown, and not what 100 users have
// set it with.
type ofMessage struct {
	seq  journal.Seq
	list []counted
	size int // of all in a frame
}

// counted is a tag with those who have set it.
type counted struct {
	wire.Tag
	shared bool
	by     []journal.Seq // the entries that have set it: of a shared one, or for each of Some, the oldest first
}

// add adds a tag, and returns by how much size grows.
func (m *ofMessage) add(t tag, user string) (grown int) {
	before := m.size
	at := slices.IndexFunc(m.list, func(c counted) bool { return c.Tag.Tag == t.tag && !c.shared && t.user != "" })
	if at < 0 {
		at = len(m.list)
		c := counted{Tag: wire.Tag{Tag: strings.Clone(t.tag)}, shared: t.user == ""} // not a part of a key, which would be kept
		if c.shared {
			c.Value, c.by = t.value, []journal.Seq{t.by}
		}
		m.list = append(m.list, c)
		m.size += c.Size()
	}
	if t.user != "" {
		m.size += m.list[at].add(t, user)
	}
	return m.size - before
}

func (c *counted) add(t tag, user string) (grown int) {
	c.Users++
	c.Mine = c.Mine || t.user == user
	at, _ := slices.BinarySearch(c.by, t.by)
	if at == some {
		return 0
	}
	c.by, c.Some = slices.Insert(c.by, at, t.by), slices.Insert(c.Some, at, strings.Clone(t.user))
	grown = wire.IDSize(t.user)
	if len(c.Some) > some {
		grown -= wire.IDSize(c.Some[some])
		c.by, c.Some = c.by[:some], c.Some[:some]
	}
	return grown
}

// tags returns them as they are shown: shared ones first, and then those of users in the order in
// which they came.
func (m *ofMessage) tags() []wire.Tag {
	slices.SortStableFunc(m.list, func(a, b counted) int {
		if a.shared != b.shared {
			if a.shared {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.by[0], b.by[0])
	})
	list := make([]wire.Tag, len(m.list))
	for i := range m.list {
		list[i] = m.list[i].Tag
	}
	return list
}
