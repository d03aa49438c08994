package webhook

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The example of the specification of Standard Webhooks' libraries: whoever follows it
// understands our requests.
func TestSign_IsStandardWebhooks(t *testing.T) {
	key := secret(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	header := http.Header{}
	Sign(header, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), []Secret{key})
	if got := header.Get("webhook-signature"); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
	if err := Verify(header, []byte(`{"test": 2432232314}`), time.Unix(1614265330, 0), key); err != nil {
		t.Error(err)
	}
}

func TestVerify_ForgedOrOld_IsRefused(t *testing.T) {
	key, other := secret(t, secretText), secret(t, "whsec_"+strings.Repeat("QUJD", 8))
	now, text := time.Unix(1_700_000_000, 0), []byte(`{"events":[]}`)
	for name, c := range map[string]struct {
		change func(h http.Header)
		now    time.Time
		body   string
		secret Secret
	}{
		"another body":       {func(http.Header) {}, now, `{"events":[1]}`, key},
		"another secret":     {func(http.Header) {}, now, "", other},
		"another id":         {func(h http.Header) { h.Set("webhook-id", "x") }, now, "", key},
		"another time":       {func(h http.Header) { h.Set("webhook-timestamp", "1700000001") }, now, "", key},
		"no signature":       {func(h http.Header) { h.Del("webhook-signature") }, now, "", key},
		"no time":            {func(h http.Header) { h.Del("webhook-timestamp") }, now, "", key},
		"no id":              {func(h http.Header) { h.Del("webhook-id") }, now, "", key},
		"another version":    {func(h http.Header) { h.Set("webhook-signature", "v2"+h.Get("webhook-signature")[2:]) }, now, "", key},
		"half a signature":   {func(h http.Header) { h.Set("webhook-signature", h.Get("webhook-signature")[:20]) }, now, "", key},
		"an empty signature": {func(h http.Header) { h.Set("webhook-signature", "v1,") }, now, "", key},
		"six minutes later":  {func(http.Header) {}, now.Add(6 * time.Minute), "", key},
		"six minutes before": {func(http.Header) {}, now.Add(-6 * time.Minute), "", key},
	} {
		header := http.Header{}
		Sign(header, "orders.a.b", now, text, []Secret{key})
		if err := Verify(header, text, now.Add(4*time.Minute), other, key); err != nil {
			t.Fatal(err)
		}
		c.change(header)
		body := text
		if c.body != "" {
			body = []byte(c.body)
		}
		if err := Verify(header, body, c.now, c.secret); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A request without an id is no one of ours, although its signature fits: nobody could know a
// repeat of it.
func TestVerify_SignedWithoutID_IsRefused(t *testing.T) {
	key, now := secret(t, secretText), time.Unix(1_700_000_000, 0)
	header := http.Header{}
	Sign(header, "", now, nil, []Secret{key})
	for _, there := range []bool{true, false} {
		if !there {
			header.Del("webhook-id")
		}
		if err := Verify(header, nil, now, key); err == nil || !strings.Contains(err.Error(), "no webhook-id") {
			t.Errorf("with an empty id %v: %v", there, err)
		}
	}
}

func TestSecret_IsNotShown(t *testing.T) {
	key := secret(t, secretText)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, key) + fmt.Sprintf(verb, Hook{Secrets: []Secret{key}}); strings.Contains(text, "MDEy") || strings.Contains(text, "48") {
			t.Errorf("%s: %s", verb, text)
		}
	}
	for _, text := range []string{"", "abc", "whsec_", "whsec_QUJD", "whsec_%%%", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_" + strings.Repeat("QUJD", 30)} {
		if _, err := ParseSecret(text); err == nil || len(text) > 10 && strings.Contains(err.Error(), text[6:]) || !strings.Contains(err.Error(), "openssl rand") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
