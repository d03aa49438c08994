package pgjournal

import (
	"testing"
	"time"
)

// A server that does not answer holds up a node for five seconds at most, and less if its address says so.
func TestParse_ConnectTimeout(t *testing.T) {
	for setting, want := range map[string]time.Duration{"": dialTime, "0": dialTime, "600": dialTime, "2": 2 * time.Second} {
		dsn := "postgres://chat@db/chat"
		if setting != "" {
			dsn += "?connect_timeout=" + setting
		}
		config, err := parse(dsn)
		if err != nil || config.ConnectTimeout != want {
			t.Errorf("%q: %v, %v, not %v", dsn, config.ConnectTimeout, err, want)
		}
	}
}
