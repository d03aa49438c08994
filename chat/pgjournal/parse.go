package pgjournal

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Options are what Open needs.
type Options struct {
	DSN    string // postgres://…
	Listen string // the address at which hints are heard; DSN if it is empty
	Schema string
	// Standby says that an entry must be on a synchronous standby before it is
	// acknowledged. Otherwise it is on the primary only.
	Standby bool
	Parts   int // of a schema that is made now; 0: 8
}

// dialTime bounds how long a connection to one server of an address may take. An address may have a smaller connect_timeout.
const dialTime = 5 * time.Second

const unreadable = "the address of PostgreSQL can't be read: write it as postgres://user:password@host/database, with %-escapes in the password"

// parse never shows the DSN: its password must be in no error.
func parse(dsn string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return nil, unfit("the address of PostgreSQL names the file %s: %v", file.Path, file.Err)
	case err != nil:
		return nil, unfit("%s", unreadable)
	}
	if t := config.ConnectTimeout; t == 0 || t > dialTime {
		config.ConnectTimeout = dialTime
	}
	// No statement stays prepared: behind a pooler, the next one may meet a server that does not know it.
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	return config, nil
}

// CheckAddress returns why an address can't be read, as far as it shows that by itself.
func CheckAddress(dsn string) error {
	_, err := pgx.ParseConfig(dsn)
	var file *fs.PathError
	if err == nil || errors.As(err, &file) {
		return nil
	}
	return unfit("%s", unreadable)
}

// Place says where a schema is: on which servers, and in which database.
func Place(o Options) string { return Server(o.DSN) + ", schema " + o.Schema }

// Server says to which servers, and to which database there, an address leads.
func Server(dsn string) string {
	config, err := parse(dsn)
	if err != nil {
		return "an address that can't be read"
	}
	return servers(config) + "/" + database(config)
}

func servers(config *pgx.ConnConfig) string {
	list := []string{server(config.Host, config.Port)}
	for _, f := range config.Fallbacks {
		if s := server(f.Host, f.Port); !slices.Contains(list, s) { // each is there again without TLS
			list = append(list, s)
		}
	}
	return strings.Join(list, ",")
}

func server(host string, port uint16) string {
	if strings.HasPrefix(host, "/") { // the directory of a socket
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func database(config *pgx.ConnConfig) string { return cmp.Or(config.Database, config.User) }

// dialer makes connections that fail some seconds after the other machine is gone.
var dialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}}
