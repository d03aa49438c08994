//go:build linux

package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// rooms are in several parts of the journal.
var rooms = []string{"one", "two", "three", "four"}

// said is a message of a person.
type said struct {
	room, key string
	seq       int64     // once it is acknowledged
	first, at time.Time // when it was sent first, and acknowledged
}

// heard is what a person has of a room.
type heard struct {
	epoch string
	last  int64
	gaps  int
	keys  map[string]map[int64]string // by epoch and number
}

// person is a client as PROTOCOL.md has it: it sends with keys, sends again what was not answered, follows all rooms,
// and after a lost connection comes back to another node and resumes.
type person struct {
	t     *testing.T
	name  string
	token string
	nodes []*node

	silence time.Duration // after which a connection counts as lost; it is asked for a sign of life in between

	mu      sync.Mutex // guards the rest
	quiet   bool       // says nothing new
	n       int
	pending []*said
	acked   []*said
	rooms   map[string]*heard
	at      int  // the node
	home    int  // the node where it wants to be
	move    bool // it goes home, by itself
	online  bool // at that node
	conns   int
	byes    map[string]int // by code
	lost    int            // connections that ended without bye
	wrong   []string       // what must not be
}

func newPerson(t *testing.T, nodes []*node, name, token string, home int) *person {
	p := &person{t: t, name: name, token: token, nodes: nodes, silence: 3 * time.Second, at: home, home: home, quiet: true,
		rooms: map[string]*heard{}, byes: map[string]int{}}
	for _, r := range rooms {
		p.rooms[r] = &heard{keys: map[string]map[int64]string{}}
	}
	return p
}

// fault notes what must not be.
func (p *person) fault(format string, args ...any) {
	p.wrong = append(p.wrong, p.name+": "+fmt.Sprintf(format, args...))
}

// live connects again and again until ctx ends.
func (p *person) live(ctx context.Context) {
	for wait := 10 * time.Millisecond; ctx.Err() == nil; {
		p.mu.Lock()
		at := p.nodes[p.at]
		p.mu.Unlock()
		online, retry := p.session(ctx, at)
		if online {
			wait = 10 * time.Millisecond
		}
		wait = min(2*wait, 500*time.Millisecond)
		p.mu.Lock()
		p.online = false
		if p.at = (p.at + 1) % len(p.nodes); p.move {
			p.at, p.move, retry = p.home, false, 0
		}
		p.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(max(wait, min(retry, time.Second))):
		}
	}
}

// frame is any frame of the server.
type frame struct {
	Type, ID, Code, Room, Epoch, Key string
	Message                          string
	Seq, Last                        int64
	More, Gap, Uncertain, Duplicate  bool
	Retry                            any
	Rooms                            []frame
	Entries                          []frame
}

func (f *frame) wait() time.Duration {
	if ms, ok := f.Retry.(float64); ok {
		return time.Duration(ms) * time.Millisecond
	}
	return 0
}

// session is one connection. It reports whether the server said welcome, and when to come back.
func (p *person) session(ctx context.Context, x *node) (online bool, retry time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dialing, dialed := context.WithTimeout(ctx, p.silence)
	c, _, err := websocket.Dial(dialing, "ws://"+x.addr+"/chat", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	dialed()
	if err != nil {
		return false, 0
	}
	defer c.CloseNow()
	c.SetReadLimit(8 << 20)
	s := &personSession{person: p, conn: c, ctx: ctx, again: map[string]time.Time{}}
	return s.run()
}

// personSession is one connection of a person.
type personSession struct {
	*person
	conn    *websocket.Conn
	ctx     context.Context
	greeted bool
	again   map[string]time.Time // when a message may be sent again that was refused
	bye     bool
	retry   time.Duration
}

func (s *personSession) run() (bool, time.Duration) {
	frames := make(chan *frame, 64)
	go func() {
		defer close(frames)
		for {
			ctx, cancel := context.WithTimeout(s.ctx, s.silence)
			_, text, err := s.conn.Read(ctx)
			cancel()
			if err != nil {
				return
			}
			f := new(frame)
			if err := json.Unmarshal(text, f); err != nil {
				s.mu.Lock()
				s.fault("heard %s", text)
				s.mu.Unlock()
				return
			}
			select {
			case frames <- f:
			case <-s.ctx.Done():
				return
			}
		}
	}()
	var places []map[string]any
	s.mu.Lock()
	s.conns++
	for _, r := range rooms {
		places = append(places, s.placeLocked(r))
	}
	s.mu.Unlock()
	if !s.say(map[string]any{"type": "hello", "id": "hello", "token": s.token, "rooms": places}) {
		return false, 0
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	ping := time.NewTicker(s.silence / 3)
	defer ping.Stop()
	for {
		going := true
		select {
		case f, open := <-frames:
			if !open {
				s.mu.Lock()
				if !s.bye && s.ctx.Err() == nil {
					s.lost++
				}
				s.mu.Unlock()
				return s.greeted, s.retry
			}
			going = s.hear(f)
		case <-tick.C:
			s.mu.Lock()
			move := s.move
			s.mu.Unlock()
			if move {
				return s.greeted, 0
			}
			going = !s.greeted || s.bye || s.speak() || s.hearRest(frames)
		case <-ping.C:
			going = !s.greeted || s.say(map[string]any{"type": "ping"}) || s.hearRest(frames)
		case <-s.ctx.Done():
			return s.greeted, 0
		}
		if !going {
			s.mu.Lock()
			if !s.bye {
				s.lost++
			}
			s.mu.Unlock()
			return s.greeted, s.retry
		}
	}
}

// hearRest hears what came before the connection ended, on which nothing can be said any more. It returns false.
func (s *personSession) hearRest(frames <-chan *frame) bool {
	for f := range frames {
		s.hear(f)
	}
	return false
}

func (s *personSession) placeLocked(room string) map[string]any {
	h := s.rooms[room]
	if h.epoch == "" {
		return map[string]any{"room": room}
	}
	return map[string]any{"room": room, "epoch": h.epoch, "after": h.last}
}

func (s *personSession) say(f any) bool {
	text, err := json.Marshal(f)
	if err != nil {
		s.t.Error(err)
		return false
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.silence)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, text) == nil
}

// speak says something new, if little waits for an answer, and again what was refused.
func (s *personSession) speak() bool {
	s.mu.Lock()
	var list []*said
	now := time.Now()
	for _, m := range s.pending {
		if at, refused := s.again[m.key]; refused && !now.Before(at) {
			delete(s.again, m.key)
			list = append(list, m)
		}
	}
	if len(s.pending) < 2 && !s.quiet {
		s.n++
		m := &said{room: rooms[s.n%len(rooms)], key: fmt.Sprintf("%s-%d", s.name, s.n), first: now}
		s.pending = append(s.pending, m)
		list = append(list, m)
	}
	s.mu.Unlock()
	return s.sayAll(list)
}

func (s *personSession) sayAll(list []*said) bool {
	for _, m := range list {
		if !s.say(map[string]any{"type": "send", "id": m.key, "room": m.room, "key": m.key, "body": map[string]string{"text": "says " + m.key}}) {
			return false
		}
	}
	return true
}

// hear handles one frame. It returns false if the connection is not needed any more.
func (s *personSession) hear(f *frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f.Type {
	case "welcome":
		s.greeted, s.person.online = true, true
		for i := range f.Rooms {
			if !s.enterLocked(&f.Rooms[i]) {
				return false
			}
		}
		list := append([]*said(nil), s.pending...)
		s.mu.Unlock()
		defer s.mu.Lock()
		return s.sayAll(list)
	case "joined":
		return s.enterLocked(f)
	case "message":
		s.takeLocked(s.rooms[f.Room], f)
	case "ok":
		s.ackLocked(f)
	case "error":
		if f.ID == "hello" || f.ID == "join" { // come back
			s.retry = f.wait()
			return false
		}
		if f.Retry == false && f.Code != "not_joined" {
			s.fault("%s was refused for good: %s, %s", f.ID, f.Code, f.Message)
		}
		s.again[f.ID] = time.Now().Add(min(f.wait(), time.Second))
	case "removed": // come back
		return false
	case "bye":
		s.bye, s.retry = true, f.wait()
		s.byes[f.Code]++
	}
	return true
}

// enterLocked takes a room state.
func (s *personSession) enterLocked(f *frame) bool {
	h := s.rooms[f.Room]
	if f.Code != "" {
		s.retry = f.wait()
		return false
	}
	if h.epoch != f.Epoch || f.Gap {
		if h.epoch != "" && !f.Gap {
			s.fault("%s has the epoch %s in place of %s without gap", f.Room, f.Epoch, h.epoch)
		}
		if h.epoch != "" {
			h.gaps++
		}
		h.epoch, h.last = f.Epoch, 0
		if len(f.Entries) > 0 {
			h.last = f.Entries[0].Seq - 1
		} else {
			h.last = f.Last
		}
	}
	for i := range f.Entries {
		s.takeLocked(h, &f.Entries[i])
	}
	if f.More {
		place := s.placeLocked(f.Room)
		place["type"], place["id"] = "join", "join"
		s.mu.Unlock()
		defer s.mu.Lock()
		return s.say(place)
	}
	if h.last != f.Last {
		s.fault("%s ends with %d, and the entries up to %d were told", f.Room, f.Last, h.last)
	}
	return true
}

// takeLocked takes an entry: each comes once and in order.
func (s *personSession) takeLocked(h *heard, f *frame) {
	if f.Seq != h.last+1 {
		s.fault("%s: entry %d comes after %d", f.Room, f.Seq, h.last)
	}
	h.last = f.Seq
	keys := h.keys[h.epoch]
	if keys == nil {
		keys = map[int64]string{}
		h.keys[h.epoch] = keys
	}
	if old, known := keys[f.Seq]; known && old != f.Key {
		s.fault("%s: entry %d was %s and is %s", f.Room, f.Seq, old, f.Key)
	}
	keys[f.Seq] = f.Key
}

func (s *personSession) ackLocked(f *frame) {
	for i, m := range s.pending {
		if m.key == f.ID {
			m.seq, m.at = f.Seq, time.Now()
			s.acked = append(s.acked, m)
			s.pending = append(s.pending[:i:i], s.pending[i+1:]...)
			return
		}
	}
	for _, m := range s.acked { // sent again before the first answer came
		if m.key == f.ID {
			if m.seq != f.Seq {
				s.fault("%s was acknowledged as %d and as %d", f.ID, m.seq, f.Seq)
			}
			return
		}
	}
	s.fault("%s was acknowledged, and never sent", f.ID)
}

// goHome lets the person go to its own node, if it is elsewhere. It reports whether it is there and online.
func (p *person) goHome() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.move = p.at != p.home
	return p.online && !p.move
}

// ackedSince returns when something was acknowledged first that was sent, or was waiting, after a time; or zero.
func (p *person) ackedSince(t time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, m := range p.acked {
		if m.at.After(t) {
			return p.acked[i].at
		}
	}
	return time.Time{}
}
