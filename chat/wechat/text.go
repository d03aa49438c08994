package wechat

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/caddychat/caddy-chat/chat/check"
)

const (
	maxPiece  = 2500 // characters
	maxPieces = 4
)

// textOf returns all texts of a question: of a body, that of the field text first, and the names of
// its fields last, since raw clients show them.
func textOf(q *check.Question) string {
	parts := []string{q.Title, q.Text}
	if q.About == check.Name {
		parts = append(parts, q.From.Name)
	}
	var body any
	if len(q.Body) > 0 && json.Unmarshal(q.Body, &body) == nil {
		if object, ok := body.(map[string]any); ok {
			parts = texts(parts, object["text"])
			delete(object, "text")
		}
		parts = names(texts(parts, body), body)
	}
	return strings.Join(slices.DeleteFunc(parts, func(text string) bool { return strings.TrimSpace(text) == "" }), "\n")
}

// texts appends all texts in a JSON value.
func texts(to []string, in any) []string {
	switch in := in.(type) {
	case string:
		to = append(to, in)
	case []any:
		for _, each := range in {
			to = texts(to, each)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(in)) {
			to = texts(to, in[name])
		}
	}
	return to
}

// names appends the names of all fields in a JSON value, but those that say what text is.
func names(to []string, in any) []string {
	switch in := in.(type) {
	case []any:
		for _, each := range in {
			to = names(to, each)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(in)) {
			if name != "text" && name != "type" {
				to = append(to, name)
			}
			to = names(to, in[name])
		}
	}
	return to
}

// piecesOf cuts a text into as much as WeChat takes at once. ok is false if it is too long.
func piecesOf(text string) (pieces []string, ok bool) {
	runes := []rune(text)
	for piece := range slices.Chunk(runes, maxPiece) {
		pieces = append(pieces, string(piece))
	}
	return pieces, len(pieces) <= maxPieces
}
