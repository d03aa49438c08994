package command

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/journal"
)

// owed are commands that nodes have not heard in time. Each is a record, whose key names the node
// that has yet to do it: it watches these records, and deletes what it has done. They outlive the
// node that has given the command.
type owed struct {
	records journal.Records
	node    string // this one
}

const (
	prefixOwed = "owed\x00"
	owedAtOnce = 64          // commands that are read before they are done
	owedAgo    = time.Minute // what is older, and of a node that is dead, nobody will do
)

// debt is the record of one.
type debt struct {
	message
	Since int64 `json:"since"` // Unix milliseconds
}

func owedTo(node string) string { return prefixOwed + node + "\x00" }

// leave leaves a command for nodes.
func (o owed) leave(ctx context.Context, nodes []string, m message) (err error) {
	for i, part := range split(m) {
		value, failed := json.Marshal(debt{part, time.Now().UnixMilli()})
		err = errors.Join(err, failed)
		for _, node := range nodes {
			err = errors.Join(err, o.records.Put(ctx, owedTo(node)+m.ID+"."+strconv.Itoa(i), value))
		}
	}
	return err
}

// split returns a command in parts that fit into records. Only arrivals are too many for one: those
// of a part are done like a command of their own.
func split(m message) (parts []message) {
	value, _ := json.Marshal(debt{m, time.Now().UnixMilli()})
	if n := len(m.Arrived); len(value) > journal.MaxRecord && n > 1 {
		first, rest := m, m
		first.ID, first.Arrived = m.ID+"1", m.Arrived[:n/2]
		rest.ID, rest.Arrived = m.ID+"2", m.Arrived[n/2:]
		return append(split(first), split(rest)...)
	}
	return []message{m}
}

// watch calls late when this node has something to do, and as it begins.
func (o owed) watch(late func()) (stop func(), err error) {
	return o.records.Watch(owedTo(o.node), func(r journal.Record) {
		if r.Value != nil {
			late()
		}
	})
}

var errEnough = errors.New("enough")

// settle does what this node has to do. It returns an error if something is left.
func (o owed) settle(ctx context.Context, log *zap.Logger, do func(message) error) error {
	for {
		var list []journal.Record
		err := o.records.Scan(ctx, owedTo(o.node), func(r journal.Record) error {
			if list = append(list, r); len(list) == owedAtOnce {
				return errEnough
			}
			return nil
		})
		if err != nil && err != errEnough {
			return err
		}
		for _, r := range list {
			var d debt
			if err := json.Unmarshal(r.Value, &d); err != nil {
				log.Warn("command of another node makes no sense", zap.String("record", r.Key), zap.Error(err))
			} else if err := do(d.message); err != nil {
				return err
			}
			if err := o.records.Put(ctx, r.Key, nil); err != nil {
				return err
			}
		}
		if err == nil {
			return nil
		}
	}
}

// sweep deletes what nobody will do.
func (o owed) sweep(ctx context.Context, isAlive func(node string) bool) error {
	var gone []string
	err := o.records.Scan(ctx, prefixOwed, func(r journal.Record) error {
		node, _, _ := strings.Cut(strings.TrimPrefix(r.Key, prefixOwed), "\x00")
		var d debt
		_ = json.Unmarshal(r.Value, &d)
		if time.Since(time.UnixMilli(d.Since)) > owedAgo && !isAlive(node) {
			gone = append(gone, r.Key)
		}
		return nil
	})
	for _, key := range gone {
		err = errors.Join(err, o.records.Put(ctx, key, nil))
	}
	return err
}
