package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddychat/caddy-chat/chat/internal/acts"
	"github.com/caddychat/caddy-chat/chat/journal"
	"github.com/caddychat/caddy-chat/chat/wire"
)

// object reads the body, which is no command.
func (c *call) object(to any) error {
	p, err := c.Body()
	if err != nil {
		return err
	}
	var there map[string]json.RawMessage
	if err := cmp.Or(unmarshal(p, to), unmarshal(p, &there)); err != nil {
		return err
	}
	for name := range c.route.body {
		name, required := strings.CutSuffix(name, "!")
		if value := string(there[name]); required && (value == "" || value == "null") {
			return refuse(wire.BadFrame, name, "is missing")
		}
	}
	return nil
}

// unmarshal is wire.Unmarshal, with what a client is told.
func unmarshal(p []byte, to any) error {
	err := wire.Unmarshal(p, to)
	var wrong *wire.Malformed
	if !errors.As(err, &wrong) {
		return err
	}
	e := wire.BadFrame.Error("")
	e.Field, e.Message = wrong.Field, cmp.Or(wrong.Field, "the body")+" "+wrong.What
	return e
}

// maxBatch is how many messages one request sends at most.
const maxBatch = 100

// inBatch are the fields of one message of a batch.
var inBatch = and(said, fields{"room!": roomID, "key": text(wire.MaxKey), "as": userID})

// patience is how long the messages of one batch wait in vain, all together.
const patience = 10 * time.Second

// batch sends messages, one after the other. In a room in which one could not be sent now,
// those behind it are not tried: they would overtake it. Once some have waited in vain for
// patience, no others are tried: the journal stands still, for these, too.
func batch(ctx context.Context, t acts.Turn, c *call) (Answer, error) {
	if c.Key != "" { // which would keep nothing from being said twice
		return Answer{}, refuse(wire.BadFrame, "Idempotency-Key", "is for one message: give each of a batch its own key")
	}
	var b struct {
		Messages []json.RawMessage `json:"messages"`
	}
	if err := c.object(&b); err != nil {
		return Answer{}, err
	}
	if n := len(b.Messages); n == 0 || n > maxBatch {
		return Answer{}, refuse(wire.BadFrame, "messages", fmt.Sprintf("must be an array of 1 to %d messages", maxBatch))
	}
	later, made := map[string]error{}, false
	inVain := time.Duration(0)
	body := []byte(`{"results":[`)
	for i, p := range b.Messages {
		if i > 0 {
			body = append(body, ',')
		}
		if inVain >= patience {
			e := wire.Unavailable.Error("")
			body = e.AppendProblem(body, e.Code.Status())
			continue
		}
		began := time.Now()
		room, receipt, err := c.sendOne(ctx, t, p, later)
		if err != nil {
			e := t.Told(err)
			if e.Code == wire.Unavailable {
				inVain += time.Since(began)
			}
			if e.Retry >= 0 && room != "" {
				later[room] = e
			}
			body = e.AppendProblem(body, e.Code.Status())
			continue
		}
		a, _ := recorded(room, receipt, nil)
		body, made = append(body, a.Body...), made || a.Made
	}
	return Answer{append(body, "]}"...), made}, nil
}

// sendOne sends one message of a batch.
func (c *call) sendOne(ctx context.Context, t acts.Turn, p []byte, later map[string]error) (string, journal.Receipt, error) {
	if len(p) > c.Limit {
		e := wire.TooLarge.Error("")
		e.Message = fmt.Sprintf("the message has more than %d bytes", c.Limit)
		return "", journal.Receipt{}, e
	}
	known := Route{body: inBatch}
	command, err := wire.DecodeRequest("send", wire.Fields{}, p, known.knows)
	if err != nil {
		return "", journal.Receipt{}, err
	}
	said := command.(*wire.Send)
	if err := later[said.Room]; err != nil {
		return said.Room, journal.Receipt{}, err
	}
	var other struct {
		As *string `json:"as"`
	}
	if err := wire.UnmarshalOpen(p, &other); err != nil || other.As != nil && *other.As == "" {
		return said.Room, journal.Receipt{}, refuse(wire.BadFrame, "as", "must be a user's id")
	}
	as := ""
	if other.As != nil {
		as = *other.As
	}
	one, leave, err := t.As(ctx, as, len(p))
	if err != nil {
		return said.Room, journal.Receipt{}, err
	}
	defer leave()
	r, err := one.Post(ctx, said.Room, func() (journal.Entry, error) { return said.Entry(), nil })
	return said.Room, r, err
}
