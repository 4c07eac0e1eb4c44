// Package daemon runs the real binary as a daemon: it takes what is due, stays small, and does what signals ask of it.
package daemon
