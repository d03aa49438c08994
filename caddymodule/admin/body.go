package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody is the most bytes in the body of a request that is not a stream.
const maxBody = 1 << 20

// decode reads the body of a request, a JSON object, into to. It refuses unknown
// members, so that a misspelt one is noticed.
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
	if !utf8.Valid(text) {
		return badBody("the body is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field == "", err == nil && !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		return badBody("the body must be a JSON object")
	case errors.As(err, &wrong):
		return badBody("%s must not be a %s", wrong.Field, wrong.Value)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badBody("the body is not valid: its JSON ends too early")
	case err != nil && strings.HasPrefix(err.Error(), unknownField):
		return badBody("the body has a member %s, which is not known here", err.Error()[len(unknownField):])
	case err != nil:
		return badBody("the body is not valid JSON: %w", err)
	}
	if _, extra := d.Token(); extra != io.EOF {
		return badBody("there is more after the JSON object")
	}
	return checkNames(text)
}

// checkNames refuses what encoding/json does not mind: an object that has a member twice,
// of which it takes the last one, and capital letters in a name.
func checkNames(object []byte) error {
	d := json.NewDecoder(bytes.NewReader(object)) // it has been decoded, so there are no errors
	_, _ = d.Token()
	seen := map[string]bool{}
	for d.More() {
		token, _ := d.Token()
		name, _ := token.(string)
		var value json.RawMessage
		_ = d.Decode(&value)
		switch {
		case seen[name]:
			return badBody("the body has the member %q twice", name)
		case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "":
			return badBody("the body has a member %q, which is not known here", name)
		}
		seen[name] = true
	}
	return nil
}

// unknownField is how encoding/json begins the error for an unknown member.
const unknownField = "json: unknown field "

func badBody(format string, args ...any) error {
	return apiError(http.StatusBadRequest, format, args...)
}
