package conformance

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

func crowdCases() []Case {
	return []Case{
		{"crowd", "every member hears every message exactly once and all in one order", "issue 2", crowd},
	}
}

// speakers is how many members of a crowd speak. The others listen.
const speakers = 8

// lastWord is said once everything else has been heard: what somebody hears
// twice comes before it, or in the place of another message.
const lastWord = "that is all"

// witness is a member of the crowd.
type witness struct {
	client *client
	speech []utterance // what it says
	heard  []utterance // what it hears, in order
	err    error       // what went wrong with it
}

// utterance is the n-th message of a speaker, who is a member's number.
type utterance struct{ speaker, n int }

func (u utterance) String() string { return fmt.Sprintf("%d %d", u.speaker, u.n) }

// crowd fills a room, has some members speak all at once, and compares what each
// has heard.
func crowd(t *trial) {
	members := t.gather(max(t.target.Members, speakers+2))
	for i := range t.target.Messages {
		who := i % speakers
		members[who].speech = append(members[who].speech, utterance{who, i / speakers})
	}
	last := len(members) - 1
	var all sync.WaitGroup
	for _, m := range members[:speakers] {
		all.Go(m.speak)
	}
	for _, m := range members[:last] {
		all.Go(m.listen)
	}
	members[last].conclude(t.target.Messages)
	all.Wait()
	t.compare(members, members[last].heard)
}

func (t *trial) gather(n int) []*witness {
	t.Helper()
	members := make([]*witness, n)
	for i := range members {
		members[i] = &witness{client: t.join(fmt.Sprint("member ", i))}
	}
	return members
}

// speak says everything without a pause. A failure is found by those who don't
// hear it.
func (m *witness) speak() {
	for _, u := range m.speech {
		if m.client.write(text(u.String()).append(nil)) != nil {
			return
		}
	}
}

// listen notes what is said until the last word.
func (m *witness) listen() {
	for {
		u, err := m.hear()
		if err == errLastWord {
			return
		}
		if err != nil {
			m.err = err
			return
		}
		m.heard = append(m.heard, u)
	}
}

// conclude listens to n messages and then says the last word.
func (m *witness) conclude(n int) {
	for len(m.heard) < n {
		u, err := m.hear()
		if err != nil {
			m.err = err
			return
		}
		m.heard = append(m.heard, u)
	}
	m.err = m.client.write(text(lastWord).append(nil))
}

// errLastWord ends a witness's listening as it should.
var errLastWord = errors.New("the last word has been said")

func (m *witness) hear() (u utterance, err error) {
	e, err := m.client.nextHeard()
	if err != nil {
		return u, err
	}
	if string(e.payload) == lastWord {
		return u, errLastWord
	}
	return parseUtterance(string(e.payload))
}

func parseUtterance(s string) (u utterance, err error) {
	speaker, n, _ := strings.Cut(s, " ")
	if u.speaker, err = strconv.Atoi(speaker); err != nil {
		return u, fmt.Errorf("heard %q, which nobody said", s)
	}
	if u.n, err = strconv.Atoi(n); err != nil {
		return u, fmt.Errorf("heard %q, which nobody said", s)
	}
	return u, nil
}

// compare fails unless everybody has heard the messages in this order, but for
// their own, and each speaker's in the order in which it spoke. It names only
// the first of those who haven't.
func (t *trial) compare(members []*witness, order []utterance) {
	t.Helper()
	if err := inTurn(order); err != nil {
		t.Errorf("member %d, who says the last word: %v", len(members)-1, err)
	}
	wrong := 0
	for i, m := range members {
		err := errors.Join(m.err, sameOrder(i, m.heard, order))
		if err == nil {
			continue
		}
		if wrong++; wrong == 1 {
			t.Errorf("member %d: %v", i, err)
		}
	}
	if wrong > 1 {
		t.Errorf("%d of %d members did not hear what the last one heard", wrong, len(members))
	}
}

// inTurn returns an error unless each speaker's messages are there from the
// first on, without a gap.
func inTurn(order []utterance) error {
	next := map[int]int{}
	for i, u := range order {
		if u.n != next[u.speaker] {
			return fmt.Errorf("message %d is %q, want %q", i, u, utterance{u.speaker, next[u.speaker]})
		}
		next[u.speaker]++
	}
	return nil
}

// sameOrder returns an error unless heard is order without what the member said
// itself.
func sameOrder(member int, heard, order []utterance) error {
	i := 0
	for _, want := range order {
		if want.speaker == member {
			continue
		}
		if i == len(heard) {
			return fmt.Errorf("heard %d messages, and not %q", len(heard), want)
		}
		if heard[i] != want {
			return fmt.Errorf("message %d is %q, want %q", i, heard[i], want)
		}
		i++
	}
	if i < len(heard) {
		return fmt.Errorf("heard %q on top of everything", heard[i])
	}
	return nil
}
