package pgjournal

import (
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

// dialTime bounds how long a connection may take.
const dialTime = 5 * time.Second

// parse never shows the DSN: its password must be in no error.
func parse(dsn string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the address of PostgreSQL can't be read: write it as postgres://user:password@host/database, with %-escapes in the password")
	}
	config.ConnectTimeout = dialTime
	return config, nil
}

// dialer makes connections that fail some seconds after the other machine is gone.
var dialer = net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 2 * time.Second, Interval: time.Second, Count: 3}}
