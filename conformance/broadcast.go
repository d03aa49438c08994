package conformance

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

func broadcastCases() []Case {
	return []Case{
		{"broadcast", "every client receives every message exactly once and all in one order", "issue 2", broadcast},
	}
}

// senders is how many clients send. The others only receive.
const senders = 8

// endMarker is sent when all other messages have been received by its sender. A
// doubled message therefore comes before it, or in the place of another message.
const endMarker = "that is all"

// participant is a client in the room, with what it sends and receives.
type participant struct {
	client   *client
	toSend   []numberedText
	received []numberedText // in order
	err      error          // why it could not go on
}

// numberedText is the n-th message of a sender. sender is the index of a
// participant.
type numberedText struct{ sender, n int }

func (m numberedText) String() string { return fmt.Sprintf("%d %d", m.sender, m.n) }

// broadcast fills a room, has some clients send all at once, and compares what
// each has received with what the last one has.
func broadcast(t *caseRun) {
	all := t.joinMany(max(t.target.Members, senders+2))
	for i := range t.target.Messages {
		p := i % senders
		all[p].toSend = append(all[p].toSend, numberedText{p, i / senders})
	}
	last := len(all) - 1
	var wg sync.WaitGroup
	for _, p := range all[:senders] {
		wg.Go(p.sendAll)
	}
	for _, p := range all[:last] {
		wg.Go(p.receiveAll)
	}
	all[last].receiveThenEnd(t.target.Messages)
	wg.Wait()
	t.compareReceived(all, all[last].received)
}

func (t *caseRun) joinMany(n int) []*participant {
	t.Helper()
	all := make([]*participant, n)
	for i := range all {
		all[i] = &participant{client: t.join(fmt.Sprint("client ", i))}
	}
	return all
}

// sendAll sends without a pause. If it fails, the others miss messages, and that
// is reported.
func (p *participant) sendAll() {
	for _, m := range p.toSend {
		if p.client.write(text(m.String()).append(nil)) != nil {
			return
		}
	}
}

// receiveAll records messages until the end marker.
func (p *participant) receiveAll() {
	for {
		m, err := p.receive()
		if err == errEndMarker {
			return
		}
		if err != nil {
			p.err = err
			return
		}
		p.received = append(p.received, m)
	}
}

// receiveThenEnd receives n messages and then sends the end marker.
func (p *participant) receiveThenEnd(n int) {
	for len(p.received) < n {
		m, err := p.receive()
		if err != nil {
			p.err = err
			return
		}
		p.received = append(p.received, m)
	}
	p.err = p.client.write(text(endMarker).append(nil))
}

// errEndMarker is returned for the end marker.
var errEndMarker = errors.New("the end marker has come")

func (p *participant) receive() (m numberedText, err error) {
	e, err := p.client.nextMessage()
	if err != nil {
		return m, err
	}
	if string(e.payload) == endMarker {
		return m, errEndMarker
	}
	return parseNumberedText(string(e.payload))
}

func parseNumberedText(s string) (m numberedText, err error) {
	sender, n, _ := strings.Cut(s, " ")
	if m.sender, err = strconv.Atoi(sender); err != nil {
		return m, fmt.Errorf("received %q, which nobody sent", s)
	}
	if m.n, err = strconv.Atoi(n); err != nil {
		return m, fmt.Errorf("received %q, which nobody sent", s)
	}
	return m, nil
}

// compareReceived fails unless order has each sender's messages in the order in
// which they were sent, and every participant has received exactly order without
// its own messages. It describes only the first participant that has not, and
// counts the others.
func (t *caseRun) compareReceived(all []*participant, order []numberedText) {
	t.Helper()
	if err := checkSenderOrder(order); err != nil {
		t.Errorf("client %d, which sends the end marker: %v", len(all)-1, err)
	}
	wrong := 0
	for i, p := range all {
		err := errors.Join(p.err, checkSameOrder(i, p.received, order))
		if err == nil {
			continue
		}
		if wrong++; wrong == 1 {
			t.Errorf("client %d: %v", i, err)
		}
	}
	if wrong > 1 {
		t.Errorf("%d of %d clients did not receive what the last one received", wrong, len(all))
	}
}

// checkSenderOrder returns an error unless the messages of each sender are there
// from the first on, without a gap.
func checkSenderOrder(order []numberedText) error {
	next := map[int]int{}
	for i, m := range order {
		if m.n != next[m.sender] {
			return fmt.Errorf("message %d is %q, want %q", i, m, numberedText{m.sender, next[m.sender]})
		}
		next[m.sender]++
	}
	return nil
}

// checkSameOrder returns an error unless received is order without the messages
// of the participant itself.
func checkSameOrder(self int, received, order []numberedText) error {
	i := 0
	for _, want := range order {
		if want.sender == self {
			continue
		}
		if i == len(received) {
			return fmt.Errorf("received %d messages, but not %q", len(received), want)
		}
		if received[i] != want {
			return fmt.Errorf("message %d is %q, want %q", i, received[i], want)
		}
		i++
	}
	if i < len(received) {
		return fmt.Errorf("received %q after all others", received[i])
	}
	return nil
}
