package testcaddy

import (
	"crypto/tls"
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

// afterLoad delays each TLS handshake until its configuration has been loaded. Caddy
// starts its apps in any order, so its server may use a certificate while its TLS app
// is still starting. The race detector reports that, although it is not our code; over
// UDP it can't even know that a test dials after the load.
type afterLoad struct {
	Load int64 `json:"load"`
}

var (
	loads  atomic.Int64
	loaded sync.Map // number of a load → channel that is closed at its end
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

// setUpTLS returns the configuration with a certificate, which the directive tls can't
// give to a site with addresses of both kinds, and with handshakes that wait until the
// caller calls end, at the end of the load.
func setUpTLS(config []byte, cert, key string) (changed []byte, end func(), err error) {
	var root map[string]any
	if err := json.Unmarshal(config, &root); err != nil {
		return nil, nil, err
	}
	load, done := loads.Add(1), make(chan struct{})
	loaded.Store(load, done)
	match := map[string]any{"after_load": afterLoad{load}}
	apps := root["apps"].(map[string]any)
	apps["tls"] = map[string]any{"certificates": map[string]any{
		"load_files": []any{map[string]any{"certificate": cert, "key": key}},
	}}
	servers := apps["http"].(map[string]any)["servers"].(map[string]any)
	for _, server := range servers {
		policies, _ := server.(map[string]any)["tls_connection_policies"].([]any)
		for _, policy := range policies {
			policy.(map[string]any)["match"] = match
		}
	}
	changed, err = json.Marshal(root)
	return changed, func() { close(done) }, err
}
