//go:build linux

package nodes_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddychat/caddy-chat/internal/testpostgres"
)

// network lies between the nodes and the databases, and can be cut. Clients reach a node always.
type network interface {
	fmt.Stringer
	// listen are the settings of database k, before it is started.
	listen(k int) []string
	// hosts are the hosts and ports by which node i reaches the databases.
	hosts(i int, servers []*testpostgres.Server) string
	// host is the address at which clients reach node i.
	host(i int) string
	// command puts node i into the network.
	command(i int, args []string) []string
	// cut loses what node i and the databases say to each other; with oneWay only what the databases say.
	cut(i int, oneWay bool)
	heal(i int)
}

// newNetwork returns one of network namespaces where the machine allows them, or else one of proxies.
func newNetwork(t *testing.T) network {
	if n := newNamespaces(t); n != nil {
		return n
	}
	return newProxies(t)
}

func newProxies(t *testing.T) *proxies {
	n := &proxies{t: t, links: map[int][]*link{}}
	t.Cleanup(n.close)
	return n
}

// namespaces has a network namespace for each node. A node has one cable for its clients and one for the databases.
type namespaces struct {
	t    *testing.T
	base string // the first two bytes of all addresses
	name string
}

func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}

// freeNet is the beginning of addresses that no card of this machine has: what a test has left that was killed, is in the way.
func freeNet(t *testing.T, first int) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 64 {
		base := fmt.Sprintf("100.%d", 64+(first+i)%64) // RFC 6598
		if !slices.ContainsFunc(addrs, func(a net.Addr) bool { return strings.HasPrefix(a.String(), base+".") }) {
			return base
		}
	}
	t.Fatal("all networks of 100.64.0.0/10 are in use: `ip netns delete` what is left of killed tests")
	return ""
}

func newNamespaces(t *testing.T) *namespaces {
	pid := os.Getpid()
	n := &namespaces{t: t, base: freeNet(t, pid), name: fmt.Sprintf("chat%d", pid%100000)}
	t.Cleanup(n.remove)
	for i := range nodesOfAll {
		for _, line := range []string{
			"netns add " + n.space(i),
			"-n " + n.space(i) + " link set lo up",
			"link add " + n.cable(i, "c") + " type veth peer name chat netns " + n.space(i),
			"link add " + n.cable(i, "d") + " type veth peer name db netns " + n.space(i),
			fmt.Sprintf("address add %s.%d.1/24 dev %s", n.base, 10+i, n.cable(i, "c")),
			fmt.Sprintf("-n %s address add %s.%d.9/24 dev chat", n.space(i), n.base, 10+i),
			fmt.Sprintf("-n %s address add %s.%d.9/24 dev db", n.space(i), n.base, 20+i),
			"-n " + n.space(i) + " link set chat up",
			"-n " + n.space(i) + " link set db up",
			"link set " + n.cable(i, "c") + " up",
			"link set " + n.cable(i, "d") + " up",
		} {
			if err := ip(line); err != nil {
				t.Logf("no network namespaces here: %v", err)
				n.remove()
				return nil
			}
		}
		for k := range 3 {
			if err := ip(fmt.Sprintf("address add %s.%d.%d/24 dev %s", n.base, 20+i, k+1, n.cable(i, "d"))); err != nil {
				t.Logf("no network namespaces here: %v", err)
				n.remove()
				return nil
			}
		}
	}
	return n
}

// remove removes what is there. The cables go first, and at once: those of a namespace that is deleted go later, and the next test
// wants their names.
func (n *namespaces) remove() {
	for i := range nodesOfAll {
		_ = ip("link delete " + n.cable(i, "c")) // none of them need be there
		_ = ip("link delete " + n.cable(i, "d"))
		_ = ip("netns delete " + n.space(i))
	}
}

func (n *namespaces) space(i int) string { return fmt.Sprintf("%s-%d", n.name, i) }

func (n *namespaces) cable(i int, letter string) string {
	return fmt.Sprintf("%s%s%d", n.name, letter, i)
}

func (n *namespaces) String() string {
	return "network namespaces: a cable is unplugged, or the answers go to a wrong card"
}

func (n *namespaces) listen(k int) []string {
	var list []string
	for i := range nodesOfAll {
		list = append(list, fmt.Sprintf("%s.%d.%d", n.base, 20+i, k+1))
	}
	return []string{"listen_addresses=" + strings.Join(list, ",")}
}

func (n *namespaces) hosts(i int, servers []*testpostgres.Server) string {
	var list []string
	for k := range servers {
		list = append(list, fmt.Sprintf("%s.%d.%d", n.base, 20+i, k+1))
	}
	return "host=" + strings.Join(list, ",")
}

func (n *namespaces) host(i int) string { return fmt.Sprintf("%s.%d.9", n.base, 10+i) }

func (n *namespaces) command(i int, args []string) []string {
	return append([]string{"ip", "netns", "exec", n.space(i)}, args...)
}

func (n *namespaces) cut(i int, oneWay bool) {
	line := "link set " + n.cable(i, "d") + " down"
	if oneWay { // an address of Ethernet that nobody has
		line = fmt.Sprintf("neigh replace %s.%d.9 lladdr 02:00:00:00:00:99 dev %s nud permanent", n.base, 20+i, n.cable(i, "d"))
	}
	if err := ip(line); err != nil {
		n.t.Error(err)
	}
}

func (n *namespaces) heal(i int) {
	_ = ip(fmt.Sprintf("neigh delete %s.%d.9 dev %s", n.base, 20+i, n.cable(i, "d"))) // it may not be there
	if err := ip("link set " + n.cable(i, "d") + " up"); err != nil {
		n.t.Error(err)
	}
}

// proxies has a proxy between each node and each database, which is at a socket in a folder.
type proxies struct {
	t     *testing.T
	links map[int][]*link // by node
}

func (n *proxies) String() string {
	return "no network namespaces here: in their place proxies lose what is said"
}
func (n *proxies) listen(int) []string                   { return nil }
func (n *proxies) host(int) string                       { return "127.0.0.1" }
func (n *proxies) command(_ int, args []string) []string { return args }

func (n *proxies) hosts(i int, servers []*testpostgres.Server) string {
	var hosts, ports []string
	for _, s := range servers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			n.t.Fatal(err)
		}
		k := &link{listener: l, to: s.Dir + "/.s.PGSQL.5432", conns: map[net.Conn]bool{}}
		k.going.L = &k.mu
		go k.run()
		n.links[i] = append(n.links[i], k)
		host, port, _ := net.SplitHostPort(l.Addr().String())
		hosts, ports = append(hosts, host), append(ports, port)
	}
	return "host=" + strings.Join(hosts, ",") + "&port=" + strings.Join(ports, ",")
}

func (n *proxies) cut(i int, oneWay bool) {
	for _, k := range n.links[i] {
		k.set(true, !oneWay)
	}
}

func (n *proxies) heal(i int) {
	for _, k := range n.links[i] {
		k.set(false, false)
	}
}

func (n *proxies) close() {
	for _, list := range n.links {
		for _, k := range list {
			k.close()
		}
	}
}

// link is one proxy. What it holds back while it is cut comes later, as TCP would send it again.
type link struct {
	listener net.Listener
	to       string

	mu            sync.Mutex // guards the rest
	going         sync.Cond
	answers, asks bool // are held back
	closed        bool
	conns         map[net.Conn]bool
}

func (k *link) set(answers, asks bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.answers, k.asks = answers, asks
	k.going.Broadcast()
}

func (k *link) close() {
	k.listener.Close()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	for c := range k.conns {
		c.Close()
	}
	k.going.Broadcast()
}

func (k *link) run() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			k.wait(&k.asks)
			d, err := net.Dial("unix", k.to)
			if err != nil {
				return
			}
			defer d.Close()
			k.mu.Lock()
			k.conns[c], k.conns[d] = true, true
			k.mu.Unlock()
			both := make(chan struct{}, 2)
			go func() { k.copy(d, c, &k.asks); both <- struct{}{} }()
			go func() { k.copy(c, d, &k.answers); both <- struct{}{} }()
			<-both
			k.mu.Lock()
			delete(k.conns, c)
			delete(k.conns, d)
			k.mu.Unlock()
		}()
	}
}

func (k *link) wait(held *bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for *held && !k.closed {
		k.going.Wait()
	}
}

func (k *link) copy(to io.Writer, from io.Reader, held *bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		k.wait(held)
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
