package check

import (
	"context"
	"encoding/json"
	"net/netip"

	"github.com/caddychat/caddy-chat/chat/access"
	"github.com/caddychat/caddy-chat/chat/journal"
)

// About is what a Question is about.
type About string

// The acts that are checked.
const (
	Send   About = "send"   // a message
	Edit   About = "edit"   // its new body
	Create About = "create" // the title, picture and text of a new conversation, and who is in it
	Info   About = "info"   // a new title, picture or text of one
	Member About = "member" // who is added to one, or gets another role
	Name   About = "name"   // the name or the picture of a user
)

// Question is what a Checker is asked. Nothing in it may be changed or kept, but for
// copies. JSON leaves out what is empty.
type Question struct {
	About  About        `json:"about"`
	Room   string       `json:"room,omitempty"` // empty for a name
	From   journal.User `json:"-"`              // who acts; of a name whose it is, with the new name
	Device string       `json:"device,omitempty"`
	Addr   netip.Addr   `json:"ip,omitzero"`

	// Of a message: Body is as it was said; of the raw dialect it is a string.
	Key      string          `json:"key,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
	Seq      uint64          `json:"seq,omitempty"` // that is edited
	Mentions []string        `json:"mentions,omitempty"`
	Reply    uint64          `json:"reply,omitempty"`

	// Of a conversation. What stays as it is, is empty.
	Title  string   `json:"title,omitempty"`
	Avatar string   `json:"avatar,omitempty"`
	Text   string   `json:"text,omitempty"` // what it is about
	Users  []string `json:"users,omitempty"`
	Role   string   `json:"role,omitempty"`
}

// harmlessLike returns a question about a message or a name like that one, with a text of our own; or nil for
// other questions. It has nothing that the user has thought out, unless that was in a question which had a verdict:
// a room may have any name.
func harmlessLike(q *Question) *Question {
	like := &Question{About: q.About, Room: q.Room, From: journal.User{ID: q.From.ID, Guest: q.From.Guest}, Addr: q.Addr}
	switch q.About {
	case Send, Edit:
		like.About, like.Body = Send, json.RawMessage(`"hello"`)
		if len(q.Body) > 0 && q.Body[0] == '{' { // a program may know these only, as the page sends them
			like.Body = json.RawMessage(`{"text":"hello"}`)
		}
	case Name:
		like.From.Name = "hello"
	default:
		return nil
	}
	return like
}

// Asking is a question of somebody.
type Asking struct {
	*Question
	By    access.Person // for whom a place is taken
	ByKey bool          // a service key acts

	// Fits returns why a changed body cannot be shown, or nil.
	Fits func(json.RawMessage) error
}

// Kind is what a Verdict says. The zero Kind is none.
type Kind uint8

// The kinds.
const (
	Pass    Kind = iota + 1 // it may be shown
	Refuse                  // it may not
	Change                  // another body is to be shown instead: of send and edit only
	Review                  // it is shown, and somebody should look at it
	Abstain                 // the next check decides; if there is none, Otherwise does
)

// String returns the kind as a word, as metrics and answers of programs have it.
func (k Kind) String() string {
	return [...]string{"none", "pass", "refuse", "change", "review", "abstain"}[k]
}

// Verdict is the answer to a Question.
type Verdict struct {
	Kind      Kind
	Message   string          // of Refuse: why, for the user, or empty
	Body      json.RawMessage // of Change: JSON
	Otherwise Kind            // of Abstain: Pass or Refuse
}

// Checker answers questions. It must be safe for concurrent use.
type Checker interface {
	// Check may wait for the network until ctx ends. An error, or a verdict of no kind,
	// says that there is no verdict; ErrUnfit, that there is one to change what was asked
	// about, which is too long. The error is logged, so it must not have anything of
	// the question.
	Check(ctx context.Context, q *Question) (Verdict, error)
}

// Prompt is a Checker that returns as soon as ctx has ended, whatever it waits for. It is called
// without a goroutine of its own, which a question would otherwise wait for twice.
type Prompt interface {
	Checker
	IsPrompt()
}

// Recorder is a Checker that needs records of its hub. Use is called before Check, and again
// with each configuration.
type Recorder interface{ Use(journal.Records) }
