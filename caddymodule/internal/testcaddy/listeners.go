package testcaddy

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// listening returns the sockets that listen at the ports of the addresses, by their
// inodes. It is empty on systems without Linux's /proc.
func listening(addrs []string) (map[string]bool, error) {
	ports := map[string]bool{}
	for _, addr := range addrs {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, err
		}
		ports[fmt.Sprintf("%04X", n)] = true
	}
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text()) // proc_pid_net(5): 1 is the local address, 3 the state, 9 the inode
			if len(fields) > 9 && fields[3] == "0A" && ports[fields[1][strings.LastIndex(fields[1], ":")+1:]] {
				sockets[fields[9]] = true
			}
		}
		f.Close()
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return sockets, nil
}

// awaitEnd waits until none of the old sockets listens at the addresses. Caddy closes them in the
// background after a load; a connection that one of them has not yet accepted is then
// reset, and that is no fault of what a test tests.
func awaitEnd(old map[string]bool, addrs []string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-tick.C {
		sockets, err := listening(addrs)
		if err != nil {
			return err
		}
		left := 0
		for socket := range sockets {
			if old[socket] {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the servers from before the load still listen")
		}
	}
}
