// Package bench sets SQLite FTS5 beside the index of veille: the same made corpus,
// the same questions, one process. It is a module of its own, so that the program
// does not know SQLite. There is nothing to call; see the benchmarks, and
// docs/bench.md for what they say.
package bench
