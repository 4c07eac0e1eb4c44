package config

import (
	"fmt"
	"net/url"
	"time"

	"github.com/etcdward/etcdward/agent/config/value"
)

// Warnings name the settings that are allowed but risky, one sentence each, in the order of the file. They
// never repeat a value that may be a secret.
func (c *Config) Warnings() []string {
	var w []string
	warn := func(path, format string, args ...any) {
		w = append(w, path+": "+fmt.Sprintf(format, args...))
	}
	for i, e := range c.Cluster.Endpoints {
		if inTheClear(e) {
			warn(fmt.Sprintf("cluster.endpoints[%d]", i), "plain http over the network: everybody on the way reads all secrets of the cluster")
		}
	}
	if c.Snapshot.Schedule.Off() {
		warn("snapshot.schedule", "off: snapshots are taken only by hand")
	}
	for i, s := range c.Stores {
		c.warnStore(warn, fmt.Sprintf("stores[%d]", i), s)
	}
	if c.onlyDirectories() {
		warn("stores", "all are directories: if they lie on this host, the backups are lost with it")
	}
	if keep := c.Compaction.Keep; !c.Compaction.Schedule.Off() && keep < 5*time.Minute {
		warn("compaction.keep", "%s is shorter than the 5m that kube-apiserver keeps: its watches and paged lists will break", value.FormatDuration(keep))
	}
	if c.Verify.Schedule.Off() && c.Drill.Schedule.Off() {
		warn("verify.schedule", "off, as drill.schedule is: nothing proves later that what is stored can be restored")
	}
	if c.Metrics.beyondThisHost() && c.Metrics.TLSClientCAFile == "" {
		warn("metrics.listen", "not a loopback address: without metrics.tls_client_ca_file everybody on the network can read the status and the metrics")
	}
	if inTheClear(c.Heartbeat.URL) {
		warn("heartbeat.url", "plain http over the network: whoever reads the token in it can make a dead agent look alive")
	}
	if inTheClear(c.Heartbeat.FailureURL) {
		warn("heartbeat.failure_url", "plain http over the network: the token in it and the reasons of failures can be read on the way")
	}
	return w
}

func (c *Config) warnStore(warn func(path, format string, args ...any), path string, s Store) {
	r := c.RetentionOf(s)
	if r.KeepWithin < value.Day {
		warn(path, "keep_within is shorter than a day: damage from yesterday may be in every snapshot that is left")
	}
	if s.S3 != nil && s.S3.Lock != "none" && time.Duration(s.S3.LockDays)*value.Day > r.KeepWithin {
		warn(path+".s3.lock_days", "longer than keep_within: snapshots that retention drops stay locked and still cost money")
	}
	if s.S3 != nil && inTheClear(s.S3.Endpoint) {
		warn(path+".s3.endpoint", inTheClearWarning)
	}
	if s.GCS != nil && inTheClear(s.GCS.Endpoint) {
		warn(path+".gcs.endpoint", inTheClearWarning)
	}
	if s.Directory != nil {
		for _, dir := range []string{"/tmp", "/var/tmp", "/run", "/dev"} {
			if within(s.Directory.Path, dir) {
				warn(path+".directory.path", "below %s, which does not outlive a reboot or the service", dir)
			}
		}
	}
}

const inTheClearWarning = "plain http over the network: backups can be read and replaced on the way"

// inTheClear reports whether what is sent to rawURL can be read on the network.
func inTheClear(rawURL string) bool {
	u, err := url.Parse(rawURL)
	return err == nil && u.Scheme == "http" && !value.IsLoopback(u.Hostname())
}

func (c *Config) onlyDirectories() bool {
	for _, s := range c.Stores {
		if s.Directory == nil {
			return false
		}
	}
	return true
}
