//go:build linux

package nodes_test

import (
	"flag"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddychat/caddy-chat"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

var (
	faults  = flag.Int("faults", 30, "faults of TestNodes_Faults")
	seed    = flag.Uint64("seed", 0, "seed of TestNodes_Faults; 0: a new one")
	longest = flag.Duration("longest", 3*time.Second, "the longest cut of TestNodes_Faults")
	binary  = flag.String("caddy", "", "a built Caddy; without it, the binary of the tests is the Caddy")
	from    = flag.String("from", "", "a built Caddy of another version, with which the nodes of TestNodes_Upgrade begin")
	kills   = flag.Int("hookkills", 4, "how often the test of the webhook kills somebody")
	done    = flag.String("done", "", "a folder that keeps which rounds of TestNodes_Faults are done")
)

func TestMain(m *testing.M) { testcaddy.Main(m) }
