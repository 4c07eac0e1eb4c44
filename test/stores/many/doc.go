// Package many has the real binary work on a store with very many snapshots, and measures what it takes.
package many
