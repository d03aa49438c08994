package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/caddychat/caddy-chat/chat/wire"
)

// maxBody is the most bytes in the body of a request that is not a stream.
const maxBody = 1 << 20

// decode reads the body of a request, a JSON object, into to. It refuses unknown
// members, so that a misspelt one is noticed, and whatever else wire.Unmarshal refuses.
func decode(r *http.Request, to any) error {
	text, err := readBody(r)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return badBody("the body is missing: it must be a JSON object")
	}
	return decodeObject(r, text, to)
}

// noBody reads the body of a request that needs none: it is empty, or an object without
// members.
func noBody(r *http.Request) error {
	text, err := readBody(r)
	if err != nil || len(text) == 0 {
		return err
	}
	return decodeObject(r, text, new(struct{}))
}

func readBody(r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, apiError(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", maxBody)
	case err != nil:
		return nil, badBody("the body did not arrive whole: %w", err)
	}
	return text, nil
}

func decodeObject(r *http.Request, text []byte, to any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return badBody("the Content-Type must be application/json")
	}
	err := wire.Unmarshal(text, to)
	var wrong *wire.Malformed
	if errors.As(err, &wrong) {
		return badBody("%s %s", cmp.Or(wrong.Field, "the body"), wrong.What)
	}
	return cmp.Or(err, noneEmpty(text))
}

// noneEmpty refuses members that are null or an empty text: a program whose variable is empty must
// not act on the whole hub, or for ever. What is announced is looked at where it is.
func noneEmpty(object []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		return err
	}
	for _, name := range keys(members) {
		switch value := string(members[name]); {
		case name == "body":
		case value == "null":
			return badBody("%s must not be null", name)
		case value == `""`:
			return badBody("%s must not be empty", name)
		}
	}
	return nil
}

func badBody(format string, args ...any) error {
	return apiError(http.StatusBadRequest, format, args...)
}
