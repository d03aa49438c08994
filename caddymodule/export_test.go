package caddymodule

import (
	"testing"
	"time"

	"github.com/caddychat/caddy-chat/caddymodule/internal/limitedlog"
	"github.com/caddychat/caddy-chat/chat"
)

// Settings returns the settings that a handler has for its hub, without the defaults.
func (h *Handler) Settings() (chat.Settings, error) { return h.HubSettings.toChat() }

// SetRetireTime sets over what time the clients of old configurations are asked to
// reconnect, and returns the time before that.
func SetRetireTime(d time.Duration) time.Duration {
	was := retireTime
	retireTime = d
	return was
}

// SetOpeningTimes sets how long a configuration waits for its hubs, how often a closed
// hub is tried again and how often its reason is logged, until the test has ended. It
// must be called before Caddy is started.
func SetOpeningTimes(t *testing.T, start, retry, repeat time.Duration) {
	s, i, r := startTimeout, retryInterval, repeatReason
	startTimeout, retryInterval, repeatReason = start, retry, repeat
	t.Cleanup(func() { startTimeout, retryInterval, repeatReason = s, i, r })
}

var (
	LimitedLog  = limitedlog.New
	RedirectLog = limitedlog.Redirect
)

// ParseNetwork is parseNetwork, for tests.
var ParseNetwork = parseNetwork

// CollectStats is collectStats, for tests.
var CollectStats = collectStats
