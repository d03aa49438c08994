package script

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Conversation is one example.
type Conversation struct {
	// Title is the heading above the block.
	Title string
	// Line is the number of the block's first line.
	Line int
	// Given are the names of the values that the caller of Run must provide, such
	// as a moderator's token.
	Given []string
	Steps []Step
}

// Step is one line.
type Step struct {
	Line int
	Conn string // the name of the connection; may be empty
	// Dialect is the dialect of the connection, "chat.v1" or "raw".
	Dialect string
	Action  Action
	// Text is the text to send, the pattern that the received frame must match,
	// or the query of an Open.
	Text string
	// Bytes are the contents of a binary frame.
	Bytes []byte
	// Code is the close code of a Closed, 0 for any.
	Code int
}

// Action is what a step does.
type Action uint8

// The actions.
const (
	Open         Action = iota // the client connects
	Say                        // the client sends text
	SayBinary                  // the client sends a binary frame
	Hear                       // the server sends text
	HearAnyOrder               // the same, in any order with its neighbours
	HearBinary                 // the server sends a binary frame
	Close                      // the client closes
	Closed                     // the server has closed
)

var actions = map[string]Action{
	"open": Open, ">": Say, ">x": SayBinary, "<": Hear, "<|": HearAnyOrder, "<x": HearBinary,
	"close": Close, "closed": Closed,
}

// dialects are the dialects that conversations may use.
var dialects = []string{"chat.v1", "raw"}

// Parse returns the conversations of a Markdown document.
func Parse(markdown []byte) ([]Conversation, error) {
	var list []Conversation
	var title string
	lines := strings.Split(string(markdown), "\n")
	for i := 0; i < len(lines); i++ {
		if text, ok := strings.CutPrefix(lines[i], "#"); ok {
			title = strings.Trim(text, "# ")
		}
		info, ok := strings.CutPrefix(lines[i], "```")
		if !ok {
			continue
		}
		start := i + 1
		for i = start; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, fmt.Errorf("line %d: block has no end", start)
		}
		words := strings.Fields(info)
		if len(words) == 0 || !slices.Contains(dialects, words[0]) {
			continue
		}
		c := Conversation{Title: title, Line: start}
		if err := c.parse(words, lines[start:i]); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (c *Conversation) parse(info, lines []string) error {
	if len(info) > 1 && info[1] != "given" {
		return fmt.Errorf("line %d: unknown word %q after %s", c.Line, info[1], info[0])
	}
	for _, name := range info[min(2, len(info)):] {
		c.Given = append(c.Given, strings.TrimPrefix(name, "$"))
	}
	dialectOf := map[string]string{} // by the connection's name
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s := Step{Line: c.Line + 1 + i, Dialect: info[0]}
		for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], " "); i++ {
			line += strings.TrimLeft(lines[i+1], " ")
		}
		if err := s.parse(line, dialectOf); err != nil {
			return fmt.Errorf("line %d: %w", s.Line, err)
		}
		c.Steps = append(c.Steps, s)
	}
	return nil
}

// A line is the name of a connection, the mark or word of an action, and the rest.
var stepLine = regexp.MustCompile(`^([A-Z]?)(>x?|<[|x]?| ?open| ?closed?)(?: (.*))?$`)

// parse reads a line. dialectOf has the connections of the lines before it.
func (s *Step) parse(line string, dialectOf map[string]string) error {
	m := stepLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%q is not in the notation", line)
	}
	s.Conn, s.Action, s.Text = m[1], actions[strings.TrimSpace(m[2])], m[3]
	if word, rest, _ := strings.Cut(s.Text, " "); s.Action == Open && slices.Contains(dialects, word) {
		s.Dialect, s.Text = word, rest
	}
	if known, ok := dialectOf[s.Conn]; ok {
		s.Dialect = known
	}
	dialectOf[s.Conn] = s.Dialect
	var err error
	switch s.Action {
	case SayBinary, HearBinary:
		s.Bytes, err = hex.DecodeString(strings.ReplaceAll(s.Text, " ", ""))
	case Closed:
		if s.Text != "" {
			s.Code, err = strconv.Atoi(s.Text)
		}
	case Hear, HearAnyOrder:
		if s.Dialect != "raw" && !json.Valid([]byte(s.Text)) {
			err = fmt.Errorf("%s is not JSON", s.Text)
		}
	}
	return err
}
