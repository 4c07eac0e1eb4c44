// Package client gives tests the agent's own view of a test's cluster.
package client

import (
	"testing"
	"time"

	"github.com/etcdward/etcdward/agent/etcd"
	"github.com/etcdward/etcdward/test/await"
	"github.com/etcdward/etcdward/test/cluster"
)

// Connect gives an agent's view of a test's cluster.
func Connect(t testing.TB, c *cluster.Cluster, endpoints ...string) *etcd.Cluster {
	t.Helper()
	if len(endpoints) == 0 {
		endpoints = c.Endpoints()
	}
	own, err := etcd.New(etcd.Options{Endpoints: endpoints, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, CallTimeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	return own
}

// Await returns when a condition holds.
func Await(t testing.TB, what string, met func() bool) {
	t.Helper()
	await.Until(t, time.Minute, what, met)
}
