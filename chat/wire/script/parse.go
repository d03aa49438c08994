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

// Conversation is one block.
type Conversation struct {
	// Title is the heading that the block stands under.
	Title string
	// Line is where the block begins.
	Line int
	// Given are the names of the values that whoever plays the conversation
	// must provide, such as a moderator's token.
	Given []string
	Steps []Step
}

// Step is one line.
type Step struct {
	Line int
	Conn string // the name of the connection; may be empty
	// Dialect is the connection's, "chat.v1" or "raw".
	Dialect string
	Action  Action
	// Text is what is said, or what is heard must match; or the query of an
	// Open.
	Text string
	// Bytes is what is said or heard as binary.
	Bytes []byte
	// Code is the close code of a Closed, 0 for any.
	Code int
}

// Action is what happens in a step.
type Action uint8

// The actions.
const (
	Open Action = iota
	Say
	SayBinary
	Hear
	HearAnyOrder
	HearBinary
	Close
	Closed
)

var actions = map[string]Action{
	"open": Open, ">": Say, ">x": SayBinary, "<": Hear, "<|": HearAnyOrder, "<x": HearBinary,
	"close": Close, "closed": Closed,
}

// Dialects in which conversations may be.
var dialects = []string{"chat.v1", "raw"}

// Parse returns the conversations in a text in Markdown.
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
		return fmt.Errorf("line %d: unknown word %q behind %s", c.Line, info[1], info[0])
	}
	for _, name := range info[min(2, len(info)):] {
		c.Given = append(c.Given, strings.TrimPrefix(name, "$"))
	}
	spoken := map[string]string{} // the dialect of each connection
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s := Step{Line: c.Line + 1 + i, Dialect: info[0]}
		for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], " "); i++ {
			line += strings.TrimLeft(lines[i+1], " ")
		}
		if err := s.parse(line, spoken); err != nil {
			return fmt.Errorf("line %d: %w", s.Line, err)
		}
		c.Steps = append(c.Steps, s)
	}
	return nil
}

// A line is a connection's name, a mark or a word for the action, and the rest.
var stepLine = regexp.MustCompile(`^([A-Z]?)(>x?|<[|x]?| ?open| ?closed?)(?: (.*))?$`)

// parse reads a line. spoken are the dialects of the connections so far.
func (s *Step) parse(line string, spoken map[string]string) error {
	m := stepLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("%q is not in the notation", line)
	}
	s.Conn, s.Action, s.Text = m[1], actions[strings.TrimSpace(m[2])], m[3]
	if word, rest, _ := strings.Cut(s.Text, " "); s.Action == Open && slices.Contains(dialects, word) {
		s.Dialect, s.Text = word, rest
	}
	if known, ok := spoken[s.Conn]; ok {
		s.Dialect = known
	}
	spoken[s.Conn] = s.Dialect
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
