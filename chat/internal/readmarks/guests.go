package readmarks

import "sync"

// maxGuestMarks bounds the marks of guests. There may be any number of guests: the
// oldest marks give way.
const maxGuestMarks = 100_000

// guests holds the marks of guests.
type guests struct {
	mu    sync.Mutex // guards the rest
	marks map[Key]Mark
	order []Key // the oldest first
}

func (g *guests) get(k Key) Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.marks[k]
}

func (g *guests) move(k Key, to Mark) (at Mark, moved bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at, known := g.marks[k]
	to, changes := at.with(to)
	if !changes {
		return at, false
	}
	if g.marks == nil {
		g.marks = map[Key]Mark{}
	}
	g.marks[k] = to
	if !known {
		g.order = append(g.order, k)
	}
	if len(g.order) > maxGuestMarks {
		delete(g.marks, g.order[0])
		g.order = g.order[1:]
	}
	return to, at.before(to)
}
