package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// Document is openapi.json: the table as OpenAPI 3.1.
var Document = sync.OnceValue(func() []byte {
	paths := map[string]map[string]any{}
	for i := range Table {
		rt := &Table[i]
		if paths[rt.Path] == nil {
			paths[rt.Path] = map[string]any{}
		}
		paths[rt.Path][strings.ToLower(rt.Method)] = rt.operation()
	}
	doc, err := json.MarshalIndent(map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "caddy-chat", "version": "1",
			"description": "Requests for backends, and for users with their own tokens. Paths are relative to the path of the chat, and what stands in them is percent-encoded, its slashes, too.",
		},
		"servers":  []any{map[string]any{"url": "."}},
		"security": []any{map[string]any{"bearer": []string{}}},
		"paths":    paths,
		"components": map[string]any{
			"schemas":         shapes,
			"securitySchemes": map[string]any{"bearer": map[string]any{"type": "http", "scheme": "bearer", "description": "the secret of a key, or the token of a user"}},
			"responses": map[string]any{"Problem": map[string]any{
				"description": "Why the request is refused",
				"content":     map[string]any{"application/problem+json": map[string]any{"schema": ref("Problem")}},
			}},
		},
	}, "", " ")
	if err != nil {
		panic(err) // of texts and numbers
	}
	return append(doc, '\n')
})

// everyRefusal are the statuses with which every request may be refused.
var everyRefusal = []int{400, 401, 403, 429, 500, 503}

// operation returns the row as an operation of OpenAPI.
func (rt *Route) operation() map[string]any {
	op := map[string]any{"summary": rt.summary, "operationId": rt.id(), "parameters": rt.parameters(), "responses": rt.responses()}
	if len(rt.scopes) > 0 {
		op["x-scopes"] = rt.scopes
	}
	if rt.body != nil {
		op["requestBody"] = map[string]any{
			"required": true,
			"content":  map[string]any{"application/json": map[string]any{"schema": object(rt.body)}},
		}
	}
	return op
}

// id returns a name for the operation: its method and the words of its path.
func (rt *Route) id() string {
	id := strings.ToLower(rt.Method)
	for _, part := range segments(rt.Path) {
		if part = strings.Trim(part, "{}"); part != "" {
			id += strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return id
}

func (rt *Route) parameters() []any {
	parameters := []any{}
	add := func(name, in string, s schema, required bool) {
		parameters = append(parameters, map[string]any{"name": name, "in": in, "required": required, "schema": s})
	}
	for _, part := range segments(rt.Path) {
		switch part {
		case "{room}":
			add("room", "path", roomID, true)
		case "{id}":
			add("id", "path", userID, true)
		case "{seq}":
			add("seq", "path", number(1), true)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rt.query)) {
		bare := strings.TrimSuffix(name, "!")
		add(bare, "query", rt.query[name], bare != name)
	}
	if rt.actsAs() {
		add("as", "query", described(text(wire.MaxUser), "the user in whose name a key acts"), false)
	}
	if rt.Keyed {
		add("Idempotency-Key", "header", text(wire.MaxKey), false)
	}
	return parameters
}

// shape is the schema of what answers the request.
func (rt *Route) shape() schema {
	if names := strings.Split(rt.answer, " or "); len(names) > 1 {
		return schema{"anyOf": []any{ref(names[0]), ref(names[1])}}
	}
	return ref(rt.answer)
}

func (rt *Route) responses() map[string]any {
	good := map[string]any{
		"description": "Done",
		"content":     map[string]any{"application/json": map[string]any{"schema": rt.shape()}},
	}
	responses := map[string]any{"200": good}
	if rt.makes {
		responses["201"] = good
	}
	refusals := append(everyRefusal[:len(everyRefusal):len(everyRefusal)], rt.refusals...)
	if rt.body != nil {
		refusals = append(refusals, http.StatusRequestEntityTooLarge)
	}
	if rt.Says && rt.answer != "Results" { // which has a problem for each
		refusals = append(refusals, http.StatusUnprocessableEntity)
	}
	if rt.Method != http.MethodGet {
		refusals = append(refusals, http.StatusTooEarly)
	}
	for _, status := range refusals {
		responses[strconv.Itoa(status)] = map[string]any{"$ref": "#/components/responses/Problem"}
	}
	return responses
}
