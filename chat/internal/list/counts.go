package list

import (
	"strings"
	"sync"
	"time"
)

// countLife is how long it counts how many conversations somebody belonged to: what other nodes
// do meanwhile, and who leaves, is found afterwards. maxCounts bounds how many users are
// remembered; then all are forgotten.
const (
	countLife = time.Minute
	maxCounts = 10_000
)

// counts remember to how many conversations users belong, at least with those into which they
// were to come. The zero value is ready to use.
type counts struct {
	mu sync.Mutex // guards of; a leaf
	of map[string]counted
}

type counted struct {
	n     int
	until time.Time
}

// add counts one conversation more of a user, and reports whether it is known that there is a
// place.
func (c *counts) add(user string, most int, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.of[user]
	if !known || at.n >= most || now.After(at.until) {
		return false
	}
	c.of[user] = counted{at.n + 1, at.until}
	return true
}

func (c *counts) note(user string, n int, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of) >= maxCounts {
		c.of = map[string]counted{}
	}
	c.of[strings.Clone(user)] = counted{n, now.Add(countLife)}
}
