package caddymodule_test

import (
	"strings"
	"testing"
)

// A secret that stands in the wrong place is not in the error: that goes to a log.
func TestCaddyfile_MisplacedSecret_IsNotShown(t *testing.T) {
	const secret, short = "s3cret-s3cret-s3cret-s3cret-s3cret", "whsec_c2hvcnQ="
	for name, directives := range map[string]string{
		"behind auth jwt":         "auth jwt SECRET {\n}",
		"its own line":            "auth jwt {\nSECRET\n}",
		"as an option":            "SECRET",
		"as a method":             "auth SECRET",
		"behind chat":             "SECRET {\n}",
		"behind key":              "key k SECRET SECRET {\nread *\n}",
		"as the name of a key":    "key SECRET k {\nread *\n}",
		"in a key":                "key k {\nSECRET\n}",
		"behind a hook":           "webhook h https://a.example SECRET {\n}",
		"in a hook":               "webhook h https://a.example {\nSECRET\n}",
		"behind a check":          "check https://a.example SECRET",
		"in a check":              "check https://a.example {\nSECRET x\n}",
		"as a check":              "check SECRET",
		"behind auth wechat":      "auth wechat SECRET",
		"in auth wechat":          "auth wechat {\nSECRET\n}",
		"as a journal":            "journal SECRET",
		"as a duration":           "ping_interval SECRET",
		"as a number":             "max_connections SECRET",
		"as a size":               "max_message SECRET",
		"as a switch":             "compression SECRET",
		"behind a switch":         "ui on SECRET",
		"in limits":               "limits {\nSECRET 1\n}",
		"in a policy":             "policy * {\nSECRET users\n}",
		"in the address of a set": "auth jwt {\njwks ftp://u:SECRET@host/\n}",
		"in the URL of a hook":    "webhook h ftp://u:SECRET@host/ {\nsecret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n}",
		"in the URL of a check":   "check ftp://u:SECRET@host/ {\nsecret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n}",
	} {
		for _, text := range []string{secret, short} {
			_, err := adapt("chat {\n" + strings.ReplaceAll(directives, "SECRET", text) + "\n}")
			if err == nil || strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
