package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/etcdward/etcdward/test/cluster"
)

// BenchmarkSnapshot measures a whole snapshot (stream, checks, compression, store) against `etcdctl snapshot save` followed by
// `etcdutl snapshot status`, which is as much as the field's scripts do, on the same data and in the same run. The ratio is
// what counts: 1 means as fast.
func BenchmarkSnapshot(b *testing.B) {
	const megabytes = 256
	c := cluster.Start(b, cluster.Options{Args: []string{cluster.NoFsync}})
	fillMegabytes(b, c, megabytes)
	dir := b.TempDir()
	store := filepath.Join(dir, "store")
	if err := os.Mkdir(store, 0o700); err != nil {
		b.Fatal(err)
	}
	config := filepath.Join(dir, "config.yaml")
	text := fmt.Sprintf("cluster: {name: bench, endpoints: [%s], ca_file: %q, cert_file: %q, key_file: %q}\nstores: [{name: primary, directory: {path: %s}}]\n",
		strings.Join(c.Endpoints(), ", "), c.CAFile, c.CertFile, c.KeyFile, store)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	binary := program(b)
	var ours, theirs time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		file := filepath.Join(dir, fmt.Sprintf("etcdctl-%d.db", i))
		c.Followers(b)[0].Etcdctl(b, "snapshot", "save", file)
		c.Etcdutl(b, "snapshot", "status", file)
		theirs += time.Since(begun)
		if err := os.Remove(file); err != nil {
			b.Fatal(err)
		}
		begun = time.Now()
		runProgram(b, binary, "--config", config, "--state-dir", filepath.Join(dir, "state"), "snapshot")
		ours += time.Since(begun)
		if _, err := c.Members[0].Client(b).Put(b.Context(), "/registry/advance", "x"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/etcdward")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/etcdctl+status")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "ratio")
}

// fillMegabytes writes values of 100 KiB that compress to about a half.
func fillMegabytes(b *testing.B, c *cluster.Cluster, megabytes int) {
	b.Helper()
	client := c.Client(b)
	var wg sync.WaitGroup
	work := make(chan int)
	for range 8 {
		wg.Go(func() {
			for i := range work {
				value := make([]byte, 100<<10)
				for k := range value {
					value[k] = byte(i*k>>3) ^ byte(k>>7)
					if k%2 == 0 {
						value[k] = 'a'
					}
				}
				if _, err := client.Put(b.Context(), fmt.Sprintf("/registry/bench/%06d", i), string(value)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range megabytes * 10 {
		work <- i
	}
	close(work)
	wg.Wait()
}
