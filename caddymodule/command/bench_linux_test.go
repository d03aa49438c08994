package command_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/caddychat/caddy-chat/bench/load"
	"github.com/caddychat/caddy-chat/caddymodule/internal/testcaddy"
)

func TestCommand_Bench(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat /open {\nhub open\njournal memory\nmax_connections_per_ip 2000\nlimits {\nsession_rate 100000 100000\nsession_bytes 1GiB 1GiB\nconnect_rate 100000 100000\nnew_rooms 100000 100000\n}\n}\nchat /site {\nhub site\nmax_connections_per_ip 3\n}")
	out, err := testcaddy.Command(t, admin, "bench", "--json", "--scenario", "room100", "--measure", "200ms", "--warmup", "10ms", "--pid", strconv.Itoa(os.Getpid()), "ws://"+s.Plain+"/open?room={room}")
	var results []load.Result
	if err != nil || json.Unmarshal([]byte(out), &results) != nil {
		t.Fatal(err, out)
	}
	if len(results[0].Notes) != 0 {
		t.Errorf("no limit was met, but %q", results[0].Notes)
	}
	if r := results[0]; r.Connections != 100 || r.Deliveries == 0 || r.CPUSeconds == 0 || r.Faults.Failed() {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"because of max_connections_per_ip; see --help", []string{"ws://" + s.Plain + "/site?room={room}", "--scenario", "room100"}},
		{`scenario "A7" is none of A1`, []string{"ws://" + s.Plain + "/open", "--scenario", "A7"}},
		{"--measure must be above 0", []string{"ws://" + s.Plain + "/open", "--measure", "-1s"}},
		{"--warmup must be above 0", []string{"ws://" + s.Plain + "/open", "--warmup", "0"}},
		{"--connections must be above 0", []string{"ws://" + s.Plain + "/open", "--connections", "-5"}},
		{"--parallel must be above 0", []string{"ws://" + s.Plain + "/open", "--parallel", "0"}},
		{"--scenario is empty", []string{"ws://" + s.Plain + "/open", "--scenario", ""}},
		{"name its process with --pid", []string{"ws://" + s.Plain + "/open", "--scenario", "idle"}},
		{"<url> is missing", nil},
	} {
		if out, err := testcaddy.Command(t, admin, append([]string{"bench"}, c.args...)...); err == nil || !strings.Contains(out, c.want) {
			t.Errorf("bench %v: %v\n%s\nwant %s", c.args, err, out, c.want)
		}
	}
}

// What the server's limits have slowed down is not taken for the speed of the server.
func TestCommand_Bench_NamesTheLimitsThatItMet(t *testing.T) {
	s, admin := testcaddy.StartAdmin(t, "chat {\njournal memory\nmax_connections_per_ip 1000\nlimits {\nsession_rate 1 1\nconnect_rate 100000 100000\n}\n}")
	args := []string{"bench", "--scenario", "room100", "--measure", "300ms", "--warmup", "10ms", "ws://" + s.Plain + "/chat?room={room}"}
	out, err := testcaddy.Command(t, admin, args...)
	if err != nil || !strings.Contains(out, "room100: the server's limits bound these figures: it refused or held back ") || !strings.Contains(out, "session_rate") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = testcaddy.Command(t, "localhost:1", args...)
	if err != nil || !strings.Contains(out, "room100: it is not known whether the server's limits bound these figures") {
		t.Errorf("%v\n%s", err, out)
	}
}
