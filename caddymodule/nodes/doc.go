// Package nodes has the tests of several nodes as they run at a site: three Caddys in processes
// of their own, over three real PostgreSQLs of which one is a synchronous standby, with real
// WebSocket clients. The clients judge: each keeps a log of what it was told, and in the end the
// logs are compared.
package nodes
