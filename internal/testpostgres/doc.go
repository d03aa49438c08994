// Package testpostgres runs a PostgreSQL for tests: a real one, in a directory of its own, at a
// socket there. It ends with the tests, also if they are killed. Only tests import it.
package testpostgres
