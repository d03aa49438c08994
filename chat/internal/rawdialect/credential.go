package rawdialect

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// hasCredential reports whether a text is of a client that believes it speaks chat.v1: a proxy has
// dropped Sec-WebSocket-Protocol. Nobody else must get it, since it may have a token. That is a
// hello, which is the first frame, and so ends the connection; and each other frame of chat.v1
// that has a token: a renew, or a hello behind something else or in a list. One with a mistake is
// one, too, because it may have a token as well. All other texts are the site's own.
func hasCredential(payload []byte) bool {
	payload = bytes.TrimLeft(bytes.TrimPrefix(payload, []byte("\uFEFF")), " \t\r\n")
	if len(payload) == 0 || payload[0] != '{' && payload[0] != '[' {
		return false
	}
	if !bytes.Contains(payload, []byte("hello")) && !bytes.Contains(payload, []byte("renew")) && !bytes.Contains(payload, []byte(`\u`)) {
		return false // the usual case, without decoding
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	first := payload[0] == '{'
	for d.More() {
		kind, token, err := nextCommand(d)
		if first && kind == "hello" || kind != "" && token {
			return true
		}
		if err != nil {
			return first && likeHello.Match(payload) || likeCommand.Match(payload) && likeToken.Match(payload)
		}
		first = false
	}
	return false
}

// nextCommand reads the next object of d. It returns the type of a frame with which clients say who they are, if
// one of its members is called type and names it, and whether one is called token. Of a list it
// returns what it finds of the first object that has both.
func nextCommand(d *json.Decoder) (kind string, token bool, err error) {
	begin, err := d.Token()
	for err == nil && begin == json.Delim('[') && d.More() {
		var one json.RawMessage
		if err = d.Decode(&one); err == nil && one[0] == '{' {
			if kind, token, err = nextCommand(json.NewDecoder(bytes.NewReader(one))); kind != "" && token {
				return kind, token, nil
			}
		}
	}
	for err == nil && begin == json.Delim('{') && d.More() {
		var name json.Token
		var value json.RawMessage
		if name, err = d.Token(); err == nil {
			err = d.Decode(&value)
		}
		var text string
		if err == nil && name == "type" && json.Unmarshal(value, &text) == nil && (text == "hello" || text == "renew") {
			kind = text
		}
		token = token || name == "token"
	}
	if _, list := begin.(json.Delim); list && err == nil {
		_, err = d.Token() // its end
	}
	return kind, token, err
}

// What a frame has that is no JSON.
var (
	likeHello   = regexp.MustCompile(`\btype["']?\s*:\s*["']hello["']`)
	likeCommand = regexp.MustCompile(`\btype["']?\s*:\s*["'](hello|renew)["']`)
	likeToken   = regexp.MustCompile(`\btoken["']?\s*:`)
)
