package caddymodule_test

import (
	"crypto/tls"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// afterLoad matches each TLS handshake once the configuration that it is in has
// been loaded. Caddy starts its apps in any order, so that its server may look at
// a certificate while its TLS app is being started: what the race detector finds
// there is none of ours. Over UDP it does not even know that a test dials later
// than it loads.
type afterLoad struct {
	Load int64 `json:"load"`
}

var (
	loads  atomic.Int64
	loaded sync.Map // by load, channels that are closed at its end
)

func init() { caddy.RegisterModule(afterLoad{}) }

func (afterLoad) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.handshake_match.after_load", New: func() caddy.Module { return new(afterLoad) }}
}

// Match implements caddytls.ConnectionMatcher.
func (a afterLoad) Match(*tls.ClientHelloInfo) bool {
	if end, ok := loaded.Load(a.Load); ok {
		<-end.(chan struct{})
	}
	return true
}

// shakeHandsAfter returns a configuration with handshakes that wait for the end of
// its load, which end tells them.
func shakeHandsAfter(config []byte) (changed []byte, end func(), err error) {
	var root map[string]any
	if err := json.Unmarshal(config, &root); err != nil {
		return nil, nil, err
	}
	load, done := loads.Add(1), make(chan struct{})
	loaded.Store(load, done)
	match := map[string]any{"after_load": afterLoad{load}}
	servers := root["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)
	for _, server := range servers {
		policies, _ := server.(map[string]any)["tls_connection_policies"].([]any)
		for _, policy := range policies {
			policy.(map[string]any)["match"] = match
		}
	}
	changed, err = json.Marshal(root)
	return changed, func() { close(done) }, err
}
