// Package prometheus has a real Prometheus scrape three real agents of a real cluster: the alerts and the dashboard are tried on what they export, and
// the listener on clients that stall.
package prometheus
