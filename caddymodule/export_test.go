package caddymodule

import (
	"time"

	"github.com/caddychat/caddy-chat/chat"
)

// Settings returns the settings that a handler has for its hub, without the defaults.
func (h *Handler) Settings() (chat.Settings, error) { return h.settings() }

// SetRetireTime sets over what time the clients of old configurations are asked to
// reconnect, and returns the time before that.
func SetRetireTime(d time.Duration) time.Duration {
	was := retireTime
	retireTime = d
	return was
}

var (
	LimitedLog  = limitedLog
	RedirectLog = redirectLog
)
