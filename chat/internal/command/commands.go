package command

import (
	"context"
	"encoding/json"
	"maps"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddychat/caddy-chat/chat/internal/timing"
	"github.com/caddychat/caddy-chat/chat/journal"
)

const (
	own        = "@"             // the room; no client may use it
	maxWaiting = 1 << 20         // bytes of commands that wait here; more are dropped, and come again
	maxKept    = 4 << 20         // bytes of answers that are kept; the oldest go, and a copy is done again
	refollow   = 1 * time.Second // after the journal could not be followed
)

// Commands are the commands of one node. Its methods may be called concurrently.
type Commands struct {
	journal journal.Journal                                // fixed
	log     *zap.Logger                                    // fixed
	do      func(ctx context.Context, what Command) Answer // fixed
	node    string                                         // fixed: the journal's id of this process
	owed    owed                                           // fixed
	wake    chan struct{}

	// Fixed before Begin.
	hear  func(node, self string, roll json.RawMessage)
	alive func(others []string)
	reach func(reaches bool)

	working sync.WaitGroup  // the goroutine of run
	context context.Context // ends with Close
	end     context.CancelFunc

	mu      sync.Mutex              // guards the rest; it is a leaf
	others  map[string]journal.Node // that are alive beside this one, by ID
	replied map[string]bool         // those that have answered anything
	asked   map[string]*asking
	waiting []sent // commands of others, in order
	bytes   int    // of them
	lost    bool   // the following has ended
	late    bool   // there are commands that this node has not heard in time
	closed  bool
	config  string // of this node, as others are to be told
	told    string // as they were
	nodes   []journal.Node

	// These belong to run.
	answers map[string]answered
	order   []string // their ids, the oldest first
	kept    int      // bytes of them
	stop    func()   // of the following; nil: there is none
	unwatch func()   // of the commands that are owed; nil with stop
}

// sent is a message, and the node that sent it.
type sent struct {
	message
	by string
}

// answered is what was answered to a command.
type answered struct {
	Answer
	at time.Time
}

// New returns the commands of a node, which hears of none before Begin. do does what
// any node asks, this one included, and may be called by any goroutine.
func New(j journal.Journal, log *zap.Logger, do func(context.Context, Command) Answer) *Commands {
	return &Commands{
		journal: j, log: log, do: do, node: j.Nodes().Self().ID, owed: owed{j.Records(), j.Nodes().Self().ID}, wake: make(chan struct{}, 1), context: context.Background(), end: func() {},
		hear: func(string, string, json.RawMessage) {}, alive: func([]string) {}, reach: func(bool) {},
		others: map[string]journal.Node{}, replied: map[string]bool{}, asked: map[string]*asking{}, answers: map[string]answered{},
	}
}

// Share passes on what other nodes tell of who is there, and which others are alive. It must
// be called before Begin. Neither function may block.
func (c *Commands) Share(hear func(node, self string, roll json.RawMessage), alive func(others []string)) {
	c.hear, c.alive = hear, alive
}

// Reach says whether this node reaches the store of its journal, each time that it hears of nodes. It must be called
// before Begin. The function may not block.
func (c *Commands) Reach(reach func(reaches bool)) { c.reach = reach }

// Tell tells all other nodes who is here. It does not wait until they have heard it, and it
// may be lost; what one goroutine tells is heard in order.
func (c *Commands) Tell(ctx context.Context, roll json.RawMessage) { c.send(ctx, message{Roll: roll}) }

// Begin begins to hear of other nodes. It does not wait for the journal.
func (c *Commands) Begin() {
	ctx, end := context.WithCancel(context.Background())
	c.context, c.end = ctx, end
	c.working.Go(func() { c.run(ctx) })
}

// Close ends that. From then on the node is alone.
func (c *Commands) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.end()
	c.working.Wait()
}

func (c *Commands) run(ctx context.Context) {
	unwatch, err := c.journal.Nodes().Watch(func(list []journal.Node) {
		c.nodesChanged(list)
		c.reach(len(list) > 0)
	})
	if err != nil {
		c.log.Warn("the nodes of the journal cannot be followed: a user who is removed stays on other nodes", zap.Error(err))
		return
	}
	defer c.nodesChanged(nil)
	defer unwatch()
	defer c.unfollow()
	for {
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
		for !c.follow() || !c.describe(ctx) {
			if timing.Wait(ctx, refollow) != nil {
				return
			}
		}
		c.catchUp(ctx)
		for _, s := range c.take() {
			if err := c.answer(ctx, s); err != nil { // its node asks again
				c.log.Warn("command of another node not done", zap.String("act", s.Act), zap.Error(err))
			}
		}
	}
}

// follow sees to it that the room is followed while there are other nodes, and only then.
// It returns false if it could not.
func (c *Commands) follow() bool {
	c.mu.Lock()
	alone, lost := len(c.others) == 0, c.lost
	c.lost = false
	c.mu.Unlock()
	if alone || lost {
		c.unfollow()
	}
	if alone || c.stop != nil {
		return true
	}
	start, err := c.journal.Follow(own, journal.Newest, (*follower)(c))
	if err != nil {
		c.log.Warn("commands of other nodes cannot be heard", zap.Error(err))
		return false
	}
	unwatch, err := c.owed.watch(c.isLate)
	if err != nil {
		c.log.Warn("commands of other nodes that were not heard in time cannot be followed", zap.Error(err))
		start.Stop()
		return false
	}
	c.stop, c.unwatch = start.Stop, unwatch
	return true
}

// isLate is told that there is a command which this node has not heard in time.
func (c *Commands) isLate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = true
	ring(c.wake)
}

// catchUp does the commands that this node has not heard in time. What it cannot do now it does a
// moment later.
func (c *Commands) catchUp(ctx context.Context) {
	c.mu.Lock()
	late := c.late
	c.late = false
	c.mu.Unlock()
	if !late {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	err := c.owed.settle(ctx, c.log, func(m message) error {
		m.Late = true
		return c.answer(ctx, sent{m, m.By})
	})
	if err != nil {
		c.log.Warn("commands of other nodes that were not heard in time are not done yet", zap.Error(err))
		time.AfterFunc(refollow, c.isLate)
	}
}

// Describe says what the configuration of this node is, in a few letters.
func (c *Commands) Describe(config string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config = config
	ring(c.wake)
}

// describe tells other nodes what Describe was told. It returns false if it could not.
func (c *Commands) describe(ctx context.Context) bool {
	c.mu.Lock()
	config, told := c.config, c.told
	c.mu.Unlock()
	if config == told {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, timing.Journal)
	defer cancel()
	if err := c.journal.Nodes().Describe(ctx, c.journal.Nodes().Self().Version, config); err != nil {
		c.log.Warn("other nodes cannot be told of the configuration", zap.Error(err))
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = config
	return true
}

// Differ returns the nodes that have different configurations, each with its own, for
// people. It returns nothing if there are none.
func (c *Commands) Differ() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return differ(c.nodes)
}

func differ(nodes []journal.Node) (list []string) {
	if journal.Agree(nodes) {
		return nil
	}
	for _, n := range nodes {
		list = append(list, n.Name+" ("+n.ID+"): "+n.Config)
	}
	return list
}

func (c *Commands) unfollow() {
	if c.stop != nil {
		c.stop()
		c.unwatch()
		c.stop, c.unwatch = nil, nil
	}
}

func (c *Commands) take() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.waiting
	c.waiting, c.bytes = nil, 0
	return list
}

// answer does a command, unless that was done, and answers it. It does not answer what it could
// not do.
func (c *Commands) answer(ctx context.Context, s sent) error {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	was, done := c.answers[s.ID]
	if !done {
		was = answered{c.safely(ctx, s.Command), time.Now()}
		if was.Err != nil {
			return was.Err
		}
		c.keep(s.ID, was)
	}
	c.send(ctx, message{ID: s.ID, To: s.by, Answer: was.Answer})
	return nil
}

// keep keeps an answer, and forgets those that are old, or too many.
func (c *Commands) keep(id string, a answered) {
	c.answers[id] = a
	c.order = append(c.order, id)
	c.kept += len(id) + a.size()
	for len(c.order) > 0 {
		oldest := c.order[0]
		if c.kept <= maxKept && time.Since(c.answers[oldest].at) <= remember {
			break
		}
		old := c.answers[oldest]
		c.kept -= len(oldest) + old.size()
		delete(c.answers, oldest)
		c.order = c.order[1:]
	}
}

func (c *Commands) safely(ctx context.Context, what Command) (a Answer) {
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("command of another node not done because of a panic", zap.Any("panic", v), zap.ByteString("stack", debug.Stack()))
		}
	}()
	return c.do(ctx, what)
}

// send does not wait for the journal's answer: what is lost is sent again.
func (c *Commands) send(ctx context.Context, m message) {
	body, err := json.Marshal(m)
	if err != nil {
		c.log.Error("command cannot be sent", zap.Error(err))
		return
	}
	c.journal.Append(ctx, journal.Entry{
		Room: own, Kind: journal.Aside, From: journal.User{ID: c.node}, Body: body, Origin: journal.Origin{Node: c.node},
	}, func(journal.Receipt, error) {})
}

func ring(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// follower is Commands as a journal.Follower.
type follower Commands

// Deliver implements journal.Follower.
func (f *follower) Deliver(e journal.Entry) {
	c := (*Commands)(f)
	if e.Origin.Node == c.node {
		return
	}
	s := sent{by: e.Origin.Node}
	err := json.Unmarshal(e.Body, &s.message)
	if err == nil && s.Roll != nil {
		c.hear(s.by, c.node, s.Roll)
		return
	}
	if err != nil || s.ID == "" {
		c.log.Warn("command of another node makes no sense", zap.String("node", s.by), zap.Error(err))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case s.To == c.node:
		if a := c.asked[s.ID]; a != nil { // otherwise it was not heard in time
			c.replied[s.by] = true
			a.settleLocked(s.by, s.Answer)
		}
	case s.To == "" && (s.Node == "" || s.Node == c.node) && c.bytes < maxWaiting:
		c.waiting = append(c.waiting, s)
		c.bytes += s.bytes()
		ring(c.wake)
	}
}

// Lost implements journal.Follower.
func (f *follower) Lost(journal.Lost) {
	c := (*Commands)(f)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost = true
	ring(c.wake)
}

// nodesChanged is told which nodes are alive.
func (c *Commands) nodesChanged(list []journal.Node) {
	var others []string
	c.mu.Lock()
	clear(c.others)
	was := journal.Agree(c.nodes)
	c.nodes = list
	for _, n := range list {
		if n.ID != c.node {
			c.others[n.ID] = n
			others = append(others, n.ID)
		}
	}
	maps.DeleteFunc(c.replied, func(node string, _ bool) bool { _, alive := c.others[node]; return !alive })
	for _, a := range c.asked {
		for node := range a.waiting {
			if _, alive := c.others[node]; !alive {
				a.settleLocked(node, Answer{})
			}
		}
	}
	c.mu.Unlock()
	if nodes := differ(list); was && len(nodes) > 0 {
		c.log.Warn("nodes have different policies: nothing is swept until they are alike", zap.Strings("nodes", nodes))
	}
	c.alive(others)
	ring(c.wake)
}
