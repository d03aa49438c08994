//go:build linux

package load

import (
	"bytes"
	"fmt"
)

// Dialect is how a server wraps a message. The zero value is raw: each text frame
// is one message, and nothing else is sent.
type Dialect struct {
	Name string
	// Handshake follows the WebSocket handshake, one step after the other.
	Handshake []Step
	// A message is sent as SendPrefix, payload, SendSuffix.
	SendPrefix, SendSuffix string
	// A message arrives as anything, ReceivePrefix, payload, and exactly
	// ReceiveSuffix.
	ReceivePrefix, ReceiveSuffix string
	// Lines is set if a frame may hold several messages, one on each line.
	Lines bool
	// Ping is answered with Pong.
	Ping, Pong string
}

// Step is one step of a Dialect's handshake: send Send, unless it is empty, then
// wait for a frame that begins with Expect.
type Step struct{ Send, Expect string }

// dialects are those of the servers in bench/servers.
var dialects = []Dialect{
	{Name: "raw"},
	// The gorilla chat example joins queued messages into one frame.
	{Name: "lines", Lines: true},
	{
		Name: "socket.io",
		Handshake: []Step{
			{Expect: `0{`},
			{Send: `40`, Expect: `40{`},
		},
		SendPrefix: `42["m","`, SendSuffix: `"]`,
		ReceivePrefix: `42["m","`, ReceiveSuffix: `"]`,
		Ping: `2`, Pong: `3`,
	},
	{
		Name:       "centrifuge",
		Handshake:  []Step{{Send: `{"id":1,"connect":{}}`, Expect: `{"id":1,"connect":{`}},
		SendPrefix: `{"send":{"data":"`, SendSuffix: `"}}`,
		ReceivePrefix: `"pub":{"data":"`, ReceiveSuffix: `"}}}`,
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

// codec is a Dialect as bytes, for wrapping and unwrapping messages.
type codec struct {
	receivePrefix, receiveSuffix, sendPrefix, sendSuffix, ping, pong []byte
	lines                                                            bool
}

func (d Dialect) codec() codec {
	return codec{
		receivePrefix: []byte(d.ReceivePrefix), receiveSuffix: []byte(d.ReceiveSuffix),
		sendPrefix: []byte(d.SendPrefix), sendSuffix: []byte(d.SendSuffix),
		ping: []byte(d.Ping), pong: []byte(d.Pong),
		lines: d.Lines,
	}
}

// unwrap returns the payload in one line of a text frame. A line that is not a
// message is returned whole; it will fail the checks.
func (c *codec) unwrap(line []byte) []byte {
	if len(c.receivePrefix) == 0 {
		return line
	}
	i := bytes.Index(line, c.receivePrefix)
	if i < 0 || !bytes.HasSuffix(line, c.receiveSuffix) {
		return line
	}
	return line[i+len(c.receivePrefix) : len(line)-len(c.receiveSuffix)]
}

func (c *codec) isPing(line []byte) bool {
	return len(c.ping) > 0 && bytes.Equal(line, c.ping)
}
