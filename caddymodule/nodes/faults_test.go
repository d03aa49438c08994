//go:build linux

package nodes_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fault is something that happens to a cluster.
type fault struct {
	name  string
	times int           // of the 30 faults of a round
	bound time.Duration // of the pause behind what play returns; of cluster.md
	// play makes it happen, lets it last, and mends it. It returns from when on the chat must work again.
	play func(c *cluster, r *rand.Rand) time.Time
}

// allFaults are 30 in one round.
var allFaults = []fault{
	{"a node is killed", 6, 2 * time.Second, killNode},
	{"a node is stopped and goes on", 3, time.Second, stopNode},
	{"the primary is killed and starts again", 3, 2 * time.Second, killPrimary},
	{"the primary is killed, the standby promoted", 2, 2 * time.Second, promote},
	{"the same, and the old primary comes back writable", 1, 2 * time.Second, splitBrain},
	{"the primary is stopped and goes on", 3, 2 * time.Second, stopPrimary},
	{"a node is cut off from PostgreSQL", 3, 0, func(c *cluster, r *rand.Rand) time.Time { return cutNode(c, r, false) }},
	{"a node does not hear PostgreSQL, behind sent statements", 2, 0, func(c *cluster, r *rand.Rand) time.Time { return cutNode(c, r, true) }},
	{"the standby is cut off", 1, 2 * time.Second, cutStandby},
	{"the standby is stopped and goes on", 1, 2 * time.Second, stopStandby},
	{"hints are lost: who listens for NOTIFY is killed", 2, time.Second, func(c *cluster, r *rand.Rand) time.Time { return killBackends(c, "query ILIKE 'LISTEN%'") }},
	{"all connections are killed", 1, 2 * time.Second, func(c *cluster, r *rand.Rand) time.Time { return killBackends(c, "true") }},
	{"the disk is full", 1, 2 * time.Second, fullDisk},
	{"the disk is slow", 1, time.Second, slowDisk},
}

// lasts is how long a fault lasts.
func lasts(r *rand.Rand, least, most time.Duration) {
	time.Sleep(least + time.Duration(r.Int64N(int64(most-least))))
}

func killNode(c *cluster, r *rand.Rand) time.Time {
	x := c.nodes[r.IntN(len(c.nodes))]
	x.kill()
	killed := time.Now()
	x.start()
	return killed
}

func stopNode(c *cluster, r *rand.Rand) time.Time {
	x := c.nodes[r.IntN(len(c.nodes))]
	x.signal(syscall.SIGSTOP)
	lasts(r, 200*time.Millisecond, 3*time.Second)
	x.signal(syscall.SIGCONT)
	return time.Now()
}

func killPrimary(c *cluster, _ *rand.Rand) time.Time {
	c.db.primary().Kill()
	c.db.primary().Start()
	return time.Now()
}

func promote(c *cluster, _ *rand.Rand) time.Time {
	c.db.primary().Kill()
	c.db.promote()
	promoted := time.Now()
	c.answered(promoted)
	c.db.complete()
	return promoted
}

// splitBrain starts the old primary again beside the new one. It has no standby, so nobody gets an answer from it.
func splitBrain(c *cluster, r *rand.Rand) time.Time {
	c.db.primary().Kill()
	c.db.promote()
	promoted := time.Now()
	old := c.db.row[2]
	old.Start()
	lasts(r, time.Second, 2*time.Second)
	old.Kill()
	c.answered(promoted)
	c.db.complete()
	return promoted
}

func stopPrimary(c *cluster, r *rand.Rand) time.Time {
	c.db.primary().Freeze()
	lasts(r, 500*time.Millisecond, 3*time.Second)
	c.db.primary().Thaw()
	return time.Now()
}

func cutNode(c *cluster, r *rand.Rand, oneWay bool) time.Time {
	i := r.IntN(len(c.nodes))
	c.network.cut(i, oneWay)
	lasts(r, 200*time.Millisecond, *longest)
	c.network.heal(i)
	return time.Now()
}

// cutStandby cuts the standby off: nobody is told of what it lacks.
func cutStandby(c *cluster, r *rand.Rand) time.Time {
	standby := c.db.row[1]
	conninfo := standbyAddress(c)
	standby.Set(c.t, "primary_conninfo", " ")
	c.db.await(standby, "SELECT 1 - count(*) FROM pg_stat_wal_receiver")
	lasts(r, 200*time.Millisecond, time.Second)
	shown := map[string]int64{}
	for _, p := range c.persons {
		p.mu.Lock()
		for room, h := range p.rooms {
			shown[room] = max(shown[room], h.last)
		}
		p.mu.Unlock()
	}
	for room, seq := range shown {
		c.db.replays(standby, room, seq)
	}
	standby.Set(c.t, "primary_conninfo", conninfo)
	c.db.streams()
	return time.Now()
}

func standbyAddress(c *cluster) string { return "user=owner host=" + c.db.primary().Dir }

func stopStandby(c *cluster, r *rand.Rand) time.Time {
	c.db.row[1].Freeze()
	lasts(r, 500*time.Millisecond, 2*time.Second)
	c.db.row[1].Thaw()
	return time.Now()
}

func killBackends(c *cluster, which string) time.Time {
	c.db.primary().Exec(c.t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND ("+which+")")
	return time.Now()
}

func fullDisk(c *cluster, r *rand.Rand) time.Time {
	c.db.fill()
	// Pages that are in memory are written with a checkpoint only, so it takes one to meet the full disk.
	if conn := c.db.connect(c.db.primary()); conn != nil {
		_, _ = conn.Exec(c.t.Context(), "SELECT pg_switch_wal()") // it may fail, or end the server: the disk is full
		conn.Close(c.t.Context())
	}
	lasts(r, time.Second, 2*time.Second)
	c.db.empty()
	return time.Now()
}

// slowDisk lets each commit wait before its fsync. The disk itself can't be made slow without a device of its own.
func slowDisk(c *cluster, r *rand.Rand) time.Time {
	p := c.db.primary()
	p.Set(c.t, "commit_siblings", "0")
	p.Set(c.t, "commit_delay", "100000")
	lasts(r, time.Second, 2*time.Second)
	p.Set(c.t, "commit_delay", "")
	p.Set(c.t, "commit_siblings", "")
	return time.Now()
}

// round is what faults of one round are: all of them in an order of its own.
func round(r *rand.Rand, n int) (list []*fault) {
	for len(list) < n {
		var deck []*fault
		for i := range allFaults {
			for range allFaults[i].times {
				deck = append(deck, &allFaults[i])
			}
		}
		r.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
		list = append(list, deck...)
	}
	return list[:n]
}

// Three nodes go through faults of nodes, networks, servers and disks, while people at all of them talk. Nothing that
// was acknowledged is lost, nothing is doubled, nobody has a hole, all have one order, and the chat goes on.
func TestNodes_Faults(t *testing.T) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 32
	}
	const each = 30 // faults of a round, with a new cluster for each
	for k := 0; k*each < *faults; k++ {
		mine := first + uint64(k)
		note := filepath.Join(*done, fmt.Sprint("seed-", mine))
		if _, err := os.Stat(note); *done != "" && err == nil {
			t.Logf("seed %d was played already", mine)
			continue
		}
		if !t.Run(fmt.Sprint("seed=", mine), func(t *testing.T) { playRound(t, mine, min(each, *faults-k*each)) }) {
			return
		}
		if *done != "" {
			if err := os.WriteFile(note, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func playRound(t *testing.T, seed uint64, n int) {
	began := time.Now()
	c := newCluster(t, 6, "")
	r := rand.New(rand.NewPCG(seed, 0))
	var schedule strings.Builder
	note := func(format string, args ...any) {
		line := fmt.Sprintf("%6.1f s  ", time.Since(began).Seconds()) + fmt.Sprintf(format, args...)
		fmt.Fprintln(&schedule, line)
		if testing.Verbose() {
			fmt.Println(line)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("play it again with -seed %d -faults %d. What was played:\n%s", seed, n, schedule.String())
		}
	})
	note("the cluster is there")
	c.speak()
	c.whole(time.Now())
	judged, paused := 0, time.Duration(0)
	for i, f := range round(r, n) {
		note("%d of %d: %s", i+1, n, f.name)
		since := f.play(c, r)
		pause := c.whole(since)
		ok, slowness, late := c.busy.allows(since)
		note("        pause %.2f s, all is well after %.2f s; threads take %.1f times as long, timers are up to %v late", pause.Seconds(), time.Since(since).Seconds(), slowness, late.Round(time.Millisecond))
		if f.bound > 0 && ok {
			judged++
			if paused = max(paused, pause); pause > f.bound {
				t.Errorf("%s: a pause of %v, where %v is the bound", f.name, pause, f.bound)
			}
		}
		if t.Failed() {
			return
		}
	}
	for _, x := range c.nodes {
		if size := resident(x.cmd.Process.Pid); size > 1<<30 {
			t.Errorf("node %d has %d MiB", x.i, size>>20)
		}
	}
	settle(t, c.persons)
	c.end()
	acked := judge(t, c.persons, false)
	conns, byes := 0, 0
	for _, p := range c.persons {
		conns += p.conns
		byes += len(p.byes)
	}
	t.Logf("seed %d: %d faults in %.0f s; %d messages were acknowledged over %d connections; %d pauses were judged, the longest was %v; the others were beside a busy machine, or have no bound",
		seed, n, time.Since(began).Seconds(), acked, conns, judged, paused)
	t.Logf("played: %s; %s; slow disk: each commit waits for 100 ms", c.network, c.db.diskKind())
}
