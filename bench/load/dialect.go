//go:build linux

package load

import (
	"bytes"
	"fmt"
)

// Dialect is how a server wraps a message. The zero value is raw: a text frame
// is a message and nothing else is sent.
type Dialect struct {
	Name string
	// Hello is said after the handshake, one line after the other.
	Hello []Greeting
	// A message is sent as SendBefore, payload, SendAfter.
	SendBefore, SendAfter string
	// A message arrives as anything that ends in HearBefore, payload, and
	// exactly HearAfter.
	HearBefore, HearAfter string
	// Lines is set where several messages, one a line, may share a frame.
	Lines bool
	// Ping is answered with Pong.
	Ping, Pong string
}

// Greeting is one line of a Dialect's handshake: Say, unless it is empty, then
// wait for a frame that begins with Expect.
type Greeting struct{ Say, Expect string }

// dialects are those of the servers in bench/servers.
var dialects = []Dialect{
	{Name: "raw"},
	// The gorilla chat example joins what has gathered into one frame.
	{Name: "lines", Lines: true},
	{
		Name: "socket.io",
		Hello: []Greeting{
			{Expect: `0{`},
			{Say: `40`, Expect: `40{`},
		},
		SendBefore: `42["m","`, SendAfter: `"]`,
		HearBefore: `42["m","`, HearAfter: `"]`,
		Ping: `2`, Pong: `3`,
	},
	{
		Name:       "centrifuge",
		Hello:      []Greeting{{Say: `{"id":1,"connect":{}}`, Expect: `{"id":1,"connect":{`}},
		SendBefore: `{"send":{"data":"`, SendAfter: `"}}`,
		HearBefore: `"pub":{"data":"`, HearAfter: `"}}}`,
		Lines: true,
		Ping:  `{}`, Pong: `{}`,
	},
}

// DialectNamed returns the dialect of that name.
func DialectNamed(name string) (Dialect, error) {
	for _, d := range dialects {
		if d.Name == name {
			return d, nil
		}
	}
	return Dialect{}, fmt.Errorf("dialect %q is unknown", name)
}

// words is a Dialect made ready for comparing with what arrives.
type words struct {
	hearBefore, hearAfter, sendBefore, sendAfter, ping, pong []byte
	lines                                                    bool
}

func (d Dialect) words() words {
	return words{
		hearBefore: []byte(d.HearBefore), hearAfter: []byte(d.HearAfter),
		sendBefore: []byte(d.SendBefore), sendAfter: []byte(d.SendAfter),
		ping: []byte(d.Ping), pong: []byte(d.Pong),
		lines: d.Lines,
	}
}

// unwrap returns the payload within one line of a text frame. What does not
// look like a message is returned whole, and will fail every check.
func (w *words) unwrap(line []byte) []byte {
	if len(w.hearBefore) == 0 {
		return line
	}
	i := bytes.Index(line, w.hearBefore)
	if i < 0 || !bytes.HasSuffix(line, w.hearAfter) {
		return line
	}
	return line[i+len(w.hearBefore) : len(line)-len(w.hearAfter)]
}

func (w *words) isPing(line []byte) bool {
	return len(w.ping) > 0 && bytes.Equal(line, w.ping)
}
