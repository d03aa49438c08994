//go:build linux

package load

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout is long, because thousands connect at once: a SYN that the
// server's full backlog dropped is sent again after 1, 3 and 7 seconds.
const dialTimeout = 60 * time.Second

// sourceAddresses is how many loopback addresses clients connect from. One
// address has 28,000 ports for one server, and some may be in TIME_WAIT after
// earlier runs.
const sourceAddresses = 16

// dialer opens connections to one URL.
type dialer struct {
	url     *url.URL
	addr    *net.TCPAddr
	tls     *tls.Config // nil for ws and http
	dialect Dialect
}

func newDialer(rawURL string, dialect Dialect) (*dialer, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	d := &dialer{url: u, dialect: dialect}
	port := u.Port()
	switch u.Scheme {
	case "ws", "http":
		if port == "" {
			port = "80"
		}
	case "wss", "https":
		if port == "" {
			port = "443"
		}
		// The certificate is from a CA of the test. No session tickets are kept:
		// they would make the next handshake cheaper.
		d.tls = &tls.Config{
			InsecureSkipVerify: true,
			ServerName:         u.Hostname(),
			NextProtos:         []string{"http/1.1"},
		}
	default:
		return nil, fmt.Errorf("%s: scheme %q is not ws, wss, http or https", rawURL, u.Scheme)
	}
	d.addr, err = net.ResolveTCPAddr("tcp4", net.JoinHostPort(u.Hostname(), port))
	return d, err
}

// connect opens the n-th connection and makes its TLS handshake. receiveBuffer
// is the size of the kernel's receive buffer; 0 leaves it to the kernel.
func (d *dialer) connect(ctx context.Context, n, receiveBuffer int) (*socket, error) {
	nd := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var optErr error
		err := c.Control(func(fd uintptr) { optErr = setOptions(int(fd), receiveBuffer) })
		if err != nil {
			return err
		}
		return optErr
	}}
	if d.addr.IP.IsLoopback() {
		nd.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+n%sourceAddresses))}
	}
	conn, err := nd.DialContext(ctx, "tcp4", d.addr.String())
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: conn}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if d.tls != nil {
		s.tls = tls.Client(s, d.tls)
		if err := s.tls.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, fmt.Errorf("TLS handshake with %s: %w", d.addr, err)
		}
	}
	return s, nil
}

func setOptions(fd, receiveBuffer int) error {
	// The kernel chooses the port in connect, when it knows the destination. So
	// each address can use all its ports for each server.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return fmt.Errorf("SO_LINGER: %w", err)
	}
	if receiveBuffer > 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return fmt.Errorf("SO_RCVBUF: %w", err)
		}
	}
	return nil
}

// stream is what the WebSocket handshake is written to and read from.
func (s *socket) stream() io.ReadWriter {
	if s.tls != nil {
		return s.tls
	}
	return s.Conn
}

// open connects, upgrades and makes the dialect's handshake. early is what has
// been read after that.
func (d *dialer) open(ctx context.Context, n, receiveBuffer int, room string) (s *socket, early []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if s, err = d.connect(ctx, n, receiveBuffer); err != nil {
		return nil, nil, err
	}
	br := bufio.NewReader(s.stream())
	if err = d.upgrade(s.stream(), br, room); err == nil {
		err = d.handshake(s.stream(), br)
	}
	if err == nil {
		early, _ = br.Peek(br.Buffered())
		err = s.detach()
	}
	if err != nil {
		s.abort()
		return nil, nil, err
	}
	return s, early, nil
}

func (d *dialer) upgrade(w io.Writer, br *bufio.Reader, room string) error {
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	uri := strings.ReplaceAll(d.url.RequestURI(), "%7Broom%7D", "{room}")
	uri = strings.ReplaceAll(uri, "{room}", url.QueryEscape(room))
	_, err := fmt.Fprintf(w, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", uri, d.url.Host, key)
	if err != nil {
		return fmt.Errorf("upgrade request: %w", err)
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return fmt.Errorf("upgrade response: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("upgrade response: %s", resp.Status)
	}
	if got := resp.Header.Get("Sec-WebSocket-Accept"); got != accept(key) {
		return fmt.Errorf("upgrade response: Sec-WebSocket-Accept is %q", got)
	}
	return nil
}

func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// handshake makes the dialect's handshake.
func (d *dialer) handshake(w io.Writer, br *bufio.Reader) error {
	for _, step := range d.dialect.Handshake {
		if step.Send != "" {
			if _, err := w.Write(appendFrame(nil, opText, []byte(step.Send))); err != nil {
				return fmt.Errorf("handshake step %q: %w", step.Send, err)
			}
		}
		answer, err := readShortText(br)
		if err != nil {
			return fmt.Errorf("answer to handshake step %q: %w", step.Send, err)
		}
		if !strings.HasPrefix(string(answer), step.Expect) {
			return fmt.Errorf("answer to handshake step %q: %q", step.Send, answer)
		}
	}
	return nil
}

// readShortText reads one text frame of less than 64 KiB, and nothing after it.
func readShortText(br *bufio.Reader) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(br, header[:2]); err != nil {
		return nil, err
	}
	if header[0] != 0x80|opText || header[1] > 126 {
		return nil, fmt.Errorf("frame header %x", header[:2])
	}
	length := int(header[1])
	if length == 126 {
		if _, err := io.ReadFull(br, header[2:]); err != nil {
			return nil, err
		}
		length = int(binary.BigEndian.Uint16(header[2:]))
	}
	payload := make([]byte, length)
	_, err := io.ReadFull(br, payload)
	return payload, err
}
