package conformance

// join connects a client and returns when it is in the run's room. The name is
// for failure messages.
func (t *caseRun) join(name string) *client {
	t.Helper()
	return t.joinWith(name, t.query())
}

// joinWith is join with another query.
func (t *caseRun) joinWith(name, query string) *client {
	t.Helper()
	c := t.connect(name, query)
	// A server may answer the handshake before the client is in the room. But
	// it must not handle a frame before that, else a client's first message
	// could reach nobody. So a pong shows that the client has joined.
	c.ping("joined")
	c.expectPong("joined")
	return c
}

// joinThree connects three clients to the run's room.
func (t *caseRun) joinThree() (ann, ben, cat *client) {
	t.Helper()
	return t.join("ann"), t.join("ben"), t.join("cat")
}

// connect opens a WebSocket and waits only for the answer to its handshake.
func (t *caseRun) connect(name, query string) *client {
	t.Helper()
	if t.target.Connect == nil {
		return t.upgrade(name, newRequest(t.target, query))
	}
	conn, err := t.target.Connect(t.ctx, query)
	if err != nil {
		t.Fatalf("%s connects: %v", name, err)
	}
	return newClient(t, name, conn, nil)
}

// expectRelay sends a text from a to b and one from b to a. It fails if either
// receives something else first.
func expectRelay(a, b *client) {
	a.tb.Helper()
	a.sendText("from " + a.name)
	b.expectText("from " + a.name)
	b.sendText("from " + b.name)
	a.expectText("from " + b.name)
}
