package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Secret is a key that requests are signed with. Printing it shows nothing.
type Secret struct{ key []byte }

// The length of a secret behind whsec_, in bytes before base64.
const (
	minSecret = 24
	maxSecret = 64
)

// ParseSecret reads a secret: whsec_ and base64 of 24 to 64 bytes. The error has nothing of
// the secret.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	if !ok {
		return Secret{}, errors.New("a secret begins with whsec_; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil:
		return Secret{}, errors.New("what follows whsec_ in a secret must be base64; make one with: echo whsec_$(openssl rand -base64 32)")
	case len(key) < minSecret || len(key) > maxSecret:
		return Secret{}, fmt.Errorf("a secret has %d to %d bytes in base64 behind whsec_, not %d; make one with: echo whsec_$(openssl rand -base64 32)", minSecret, maxSecret, len(key))
	}
	return Secret{key}, nil
}

// String implements fmt.Stringer.
func (Secret) String() string { return "whsec_…" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return "webhook.Secret" }

// sign returns the signature of a request.
func (s Secret) sign(id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// The headers of Standard Webhooks.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Sign sets the headers of a request with this id and body: the time, and a signature with
// each of the secrets.
func Sign(header http.Header, id string, at time.Time, body []byte, secrets []Secret) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(s.sign(id, timestamp, body))
	}
	header.Set(headerID, id)
	header.Set(headerTimestamp, timestamp)
	header.Set(headerSignature, strings.Join(signatures, " "))
}

// Tolerance is how old a signature may be, and how far ahead.
const Tolerance = 5 * time.Minute

// Verify returns an error unless a request was signed with one of the secrets, and not
// longer than Tolerance before or behind now. Receivers in Go can use it.
func Verify(header http.Header, body []byte, now time.Time, secrets ...Secret) error {
	id, timestamp := header.Get(headerID), header.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil {
		return errors.New("the request has no webhook-id, or no webhook-timestamp")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > Tolerance || age < -Tolerance {
		return fmt.Errorf("the signature is %v old, at most %v are accepted", age.Round(time.Second), Tolerance)
	}
	for signature := range strings.FieldsSeq(header.Get(headerSignature)) {
		version, encoded, _ := strings.Cut(signature, ",")
		got, err := base64.StdEncoding.DecodeString(encoded)
		if version != "v1" || err != nil {
			continue
		}
		for _, s := range secrets {
			if hmac.Equal(got, s.sign(id, timestamp, body)) {
				return nil
			}
		}
	}
	return errors.New("no signature fits the request and the secret")
}
