package container

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.uber.org/goleak"

	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/cluster"
	"github.com/etcdward/etcdward/test/port"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary stands in every credential, and may be found nowhere else.
const canary = "c4n4ryS3cr3t"

// TestPackageLife installs the package on a control-plane host with a kubeadm layout, and takes it through what happens to a daemon there.
func TestPackageLife(t *testing.T) {
	older, _ := packages(t)
	t.Parallel() // it waits for the next minute most of the time
	live(t, []step{
		{"install", func(h *host, t *testing.T) { h.install(t, older) }},
		{"unconfigured", (*host).unconfigured},
		{"setup", (*host).setup},
		{"first snapshot", (*host).firstSnapshot},
		{"journal", (*host).journal},
		{"exposure", (*host).exposure},
		{"reload", (*host).reload},
		{"drill", (*host).drill},
		{"bad reload", (*host).badReload},
		{"killed", (*host).killed},
		{"starved", (*host).starved},
		{"certificates", (*host).certificates},
		{"secrets", (*host).secrets},
	})
}

// TestPackageEnd upgrades the package in the middle of a snapshot, stops the daemon in the middle of one, and removes and purges the package.
func TestPackageEnd(t *testing.T) {
	older, newer := packages(t)
	t.Parallel()
	live(t, []step{
		{"install", func(h *host, t *testing.T) { h.install(t, older) }},
		{"setup", (*host).setup},
		{"snapshots every minute", func(h *host, _ *testing.T) { h.everyMinute() }},
		{"upgrade in the middle of a snapshot", func(h *host, t *testing.T) { h.upgrade(t, newer) }},
		{"stop in the middle of a snapshot", (*host).stop},
		{"secrets", (*host).secrets},
		{"remove and purge", (*host).remove},
	})
}

// step is a part of what a host lives through.
type step struct {
	name string
	run  func(*host, *testing.T)
}

// live takes a new host through the steps, each on what the one before left.
func live(t *testing.T, steps []step) {
	t.Helper()
	release := os.Getenv("ETCDWARD_RELEASE")
	if release == "" {
		release = "bookworm"
	}
	h := newHost(t, Boot(t, release))
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) { h.Container.t = t; step.run(h, t) }) {
			t.Log(h.Run("journalctl", "-u", "etcdward", "--no-pager", "-n", "80"))
			t.FailNow()
		}
	}
}

// packages are the folders of two versions, each with its signed repository. test/packages makes them.
func packages(t *testing.T) (older, newer string) {
	t.Helper()
	folder := os.Getenv("ETCDWARD_PACKAGES")
	if folder == "" {
		t.Skip("NOT TESTED: packages: they are built and lived through by root alone, with the programs in test/packages.apt")
	}
	return filepath.Join(folder, "old"), filepath.Join(folder, "new")
}

// host is a control-plane host: a container, the cluster of which it is taken for a member, a bucket.
type host struct {
	*Container
	cluster *cluster.Cluster
	valve   *valve
	base    string // the configuration that setup wrote
	listen  string // where the agent serves its metrics: containers share the ports of this machine
	pid     string
}

func newHost(t *testing.T, c *Container) *host {
	server := storagetest.VersityGW(t)
	user := server.AddUser(t, canary)
	client := s3.New(s3.Options{Region: server.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, "")})
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("etcd-backups")}); err != nil {
		t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":"s3:*",
		"Resource":["arn:aws:s3:::etcd-backups","arn:aws:s3:::etcd-backups/*"]}]}`, user.AccessKey)
	if _, err := client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("etcd-backups"), Policy: &policy}); err != nil {
		t.Fatal(err)
	}
	h := &host{Container: c, cluster: cluster.Start(t, cluster.Options{Args: []string{cluster.NoFsync}}), valve: newValve(t, server.Endpoint), listen: port.Free(t, "127.0.0.1")}
	h.cluster.FillKubernetes(t, 200)
	h.copyCertificates(t)
	// The host is the cluster's first member, as kubeadm would have set it up.
	manifest, err := os.ReadFile("../../agent/discover/testdata/kubeadm-1.34/etc/kubernetes/manifests/etcd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h.Write("/etc/kubernetes/manifests/etcd.yaml", regexp.MustCompile(`--listen-client-urls=.*`).ReplaceAllString(string(manifest),
		"--listen-client-urls="+h.cluster.Members[0].ClientURL), 0o600)
	h.Write("/root/s3", fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", user.AccessKey, user.SecretKey), 0o600)
	return h
}

// copyCertificates puts the client's certificate where kubeadm keeps it, readable for root alone.
func (h *host) copyCertificates(t *testing.T) {
	t.Helper()
	for from, to := range map[string]string{h.cluster.CAFile: "ca.crt", h.cluster.KeyFile: "healthcheck-client.key", h.cluster.CertFile: "healthcheck-client.crt"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		h.Write("/etc/kubernetes/pki/etcd/"+to, string(text), 0o600)
	}
}

// configure adds to what setup wrote. The heartbeat's address is a secret, too.
func (h *host) configure(more string) {
	h.Write("/etc/etcdward/config.yaml", h.base+"snapshot: {schedule: \"* * * * *\"}\nheartbeat: {url: \"https://127.0.0.1:1/"+canary+"\"}\nmetrics: {listen: \""+h.listen+"\"}\n"+more, 0o644)
}

func (h *host) show(property string) string {
	return strings.TrimSpace(h.Run("systemctl", "show", "--value", "-p", property, "etcdward"))
}

func (h *host) log() string { return h.Run("journalctl", "-u", "etcdward", "--no-pager", "-o", "cat") }

// journalctl reads the journal, with everything that was said before the call. systemd learns of a process's start and end, and of its status, by
// another way than the journal does, so none of these shows that a line has arrived.
func (h *host) journalctl(args ...string) string {
	h.t.Helper()
	h.Run("journalctl", "--sync")
	return h.Run(append([]string{"journalctl", "--no-pager"}, args...)...)
}

// said is the log with everything that the agent said before the call.
func (h *host) said() string {
	h.t.Helper()
	return h.journalctl("-u", "etcdward", "-o", "cat")
}

// logged waits until a message stands n times in the log.
func (h *host) logged(n int, message string) {
	h.t.Helper()
	h.Await(2*time.Minute, fmt.Sprintf("%d × %q in the log", n, message), func() bool { return strings.Count(h.log(), message) >= n })
}

// replaced waits until another process runs, and returns when it is ready.
func (h *host) replaced() {
	h.t.Helper()
	h.Await(2*time.Minute, "another process", func() bool {
		pid := h.show("MainPID")
		return pid != "0" && pid != h.pid && h.show("ActiveState") == "active"
	})
	h.pid = h.show("MainPID")
}

func (h *host) same(t *testing.T) {
	t.Helper()
	if pid := h.show("MainPID"); pid != h.pid {
		t.Errorf("process %s became %s", h.pid, pid)
	}
}

// aptInstall serves a signed repository and has apt take the package from it, and from nowhere else.
func (h *host) aptInstall(t *testing.T, repo string) string {
	t.Helper()
	served := filepath.Join(h.Root, "srv/repo")
	if err := os.RemoveAll(served); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(served, os.DirFS(filepath.Join(repo, "repo"))); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"etcdward.asc": "/etc/apt/keyrings/etcdward.asc", "etcdward.sources": "/etc/apt/sources.list.d/etcdward.sources"} {
		text, err := os.ReadFile(filepath.Join(served, from))
		if err != nil {
			t.Fatal(err)
		}
		h.Write(to, string(text), 0o644)
	}
	h.Run("apt-get", "-o", "Dir::Etc::SourceList=/dev/null", "-o", "APT::Update::Error-Mode=any", "update")
	return h.apt("install")
}

// apt does something with the package, from the repository that is served already.
func (h *host) apt(what string) string {
	h.t.Helper()
	return h.Run("apt-get", "-o", "Dir::Etc::SourceList=/dev/null", "-y", what, "etcdward")
}

func (h *host) install(t *testing.T, folder string) {
	said := h.aptInstall(t, folder)
	if !strings.Contains(said, "installed and not started") {
		t.Errorf("it said:\n%s", said)
	}
	if state, _ := h.Try("systemctl", "is-enabled", "etcdward"); strings.TrimSpace(state) != "disabled" {
		t.Errorf("the unit is %s", state)
	}
	if state := h.show("ActiveState"); state != "inactive" {
		t.Errorf("the unit is %s", state)
	}
	if mode := strings.TrimSpace(h.Run("stat", "-c", "%U %a", "/var/lib/etcdward")); mode != "etcdward 700" {
		t.Errorf("the state folder is %s", mode)
	}
	h.Run("systemd-analyze", "verify", "--man=no", "etcdward.service", "etcdward-certs.path", "etcdward-certs.service")
}

// unconfigured holds that a start without a configuration fails once, and says what is missing.
func (h *host) unconfigured(t *testing.T) {
	if out, err := h.Try("systemctl", "start", "etcdward"); err == nil {
		t.Errorf("it started:\n%s", out)
	}
	if status, restarts := h.show("ExecMainStatus"), h.show("NRestarts"); status != "78" || restarts != "0" {
		t.Errorf("exit status %s after %s restarts", status, restarts)
	}
	if said := h.said(); !strings.Contains(said, "cluster.name and stores are needed") {
		t.Errorf("it did not say what is missing:\n%s", said)
	}
}

// setup is the operator's one command. What follows compresses days into minutes.
func (h *host) setup(t *testing.T) {
	setup := []string{"etcdward", "setup", "--yes", "--name", "prod", "--store-s3", "etcd-backups", "--s3-region", "us-east-1",
		"--s3-endpoint", "http://" + h.valve.address, "--s3-path-style", "--s3-credentials-file", "/root/s3"}
	if said := h.Run(append(setup, "--dry-run")...); !strings.Contains(said, "+cluster:") || h.show("ActiveState") == "active" {
		t.Errorf("a dry run shows no diff, or started the agent:\n%s", said)
	}
	said := h.Run(setup...)
	for _, want := range []string{"+LoadCredential=etcd-key:/etc/kubernetes/pki/etcd/healthcheck-client.key", "etcdward restore plan", h.cluster.Members[2].Name} {
		if !strings.Contains(said, want) {
			t.Errorf("setup does not say %q:\n%s", want, said)
		}
	}
	if active, enabled := h.show("ActiveState"), h.show("UnitFileState"); active != "active" || enabled != "enabled" {
		t.Errorf("after setup the unit is %s and %s", active, enabled)
	}
	if state := strings.TrimSpace(h.Run("systemctl", "is-active", "etcdward-certs.path")); state != "active" {
		t.Errorf("the watch of the certificates is %s", state)
	}
	h.base = h.Run("cat", "/etc/etcdward/config.yaml")
	before := h.Run("sh", "-c", "stat -c '%n %Y %i' /etc/etcdward/* /etc/systemd/system/etcdward*/*")
	if said := h.Run(setup...); h.Run("sh", "-c", "stat -c '%n %Y %i' /etc/etcdward/* /etc/systemd/system/etcdward*/*") != before {
		t.Errorf("a second setup wrote something:\n%s", said)
	}
}

// everyMinute restarts the daemon with the schedule of this test, and a watchdog that is as short.
func (h *host) everyMinute() {
	h.t.Helper()
	h.configure("")
	h.Write("/etc/systemd/system/etcdward.service.d/watchdog.conf", "[Service]\nWatchdogSec=10s\n", 0o644)
	h.Run("systemctl", "daemon-reload")
	h.Run("systemctl", "restart", "etcdward")
	h.pid = h.show("MainPID")
}

func (h *host) firstSnapshot(t *testing.T) {
	h.everyMinute()
	h.Await(3*time.Minute, "a status line that says PROTECTED", func() bool {
		return regexp.MustCompile(`^PROTECTED: proven to 20.*, revision \d+; in every store to 20.*; next 20.*; spool 0$`).MatchString(h.show("StatusText"))
	})
	if out := h.Run("systemctl", "status", "--no-pager", "etcdward"); !strings.Contains(out, `Status: "PROTECTED: `) {
		t.Errorf("systemctl status says\n%s", out)
	}
}

func (h *host) journal(t *testing.T) {
	out := h.journalctl("-u", "etcdward", "-o", "json", "ETCDWARD_ROLE=follower", "SYSLOG_IDENTIFIER=etcdward")
	var entry map[string]any
	for line := range strings.Lines(out) {
		if strings.Contains(line, "snapshot proven") {
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatal(err)
			}
		}
	}
	for field, want := range map[string]string{"ETCDWARD_SNAPSHOT_ID": `^20\d{6}T\d{6}Z-\d+$`, "ETCDWARD_REVISION": `^\d+$`, "MESSAGE_ID": `^[0-9a-f]{32}$`, "PRIORITY": `^6$`} {
		if got := fmt.Sprint(entry[field]); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s=%s, want %s", field, got, want)
		}
	}
	explained := h.journalctl("-x", "MESSAGE_ID="+fmt.Sprint(entry["MESSAGE_ID"]))
	for _, want := range []string{"The cluster can be restored to this point in time.", "Subject: Snapshot 20"} {
		if !strings.Contains(explained, want) {
			t.Errorf("journalctl -x lacks %q:\n%s", want, explained)
		}
	}
}

// exposure asks what the promise is: at most 1.3 of 10.
func (h *host) exposure(t *testing.T) {
	out := h.Run("systemd-analyze", "security", "--no-pager", "etcdward.service")
	m := regexp.MustCompile(`Overall exposure level for etcdward.service: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no level in\n%s", out)
	}
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level > 1.3 {
		t.Errorf("exposure %s, more than 1.3\n%s", m[1], out)
	}
}

func (h *host) reload(t *testing.T) {
	h.configure("log: {level: debug}\ndrill: {schedule: \"* * * * *\"}\n")
	h.Run("systemctl", "reload", "etcdward")
	h.logged(1, "configuration reloaded")
	h.same(t)
}

// drill holds that a restore can be rehearsed inside the unit's sandbox.
func (h *host) drill(t *testing.T) {
	h.logged(1, "restore rehearsed")
	if left := h.Run("find", "/var/lib/etcdward/drill", "-mindepth", "1"); strings.TrimSpace(left) != "/var/lib/etcdward/drill/lock" {
		t.Errorf("left of a drill:\n%s", left)
	}
}

// badReload holds that a file which cannot be used changes nothing: snapshots are taken as before, after the reload of a good one.
func (h *host) badReload(t *testing.T) {
	h.configure("log: {level: loud}\n")
	if out, err := h.Try("systemctl", "reload", "etcdward"); err == nil {
		t.Errorf("the reload of a bad file succeeded:\n%s", out)
	}
	h.logged(1, "configuration refused")
	h.same(t)
	h.Await(time.Minute, "the refusal in the status", func() bool {
		line := h.show("StatusText")
		return strings.Contains(line, "the changed configuration is refused") && strings.Contains(line, "log.level")
	})
	before := strings.Count(h.said(), "snapshot proven")
	h.logged(before+1, "snapshot proven")
	// Another cluster's name is a good file, and no reload.
	good := h.base
	h.base = strings.Replace(h.base, "name: prod", "name: other", 1)
	h.configure("")
	if out, err := h.Try("systemctl", "reload", "etcdward"); err == nil || !strings.Contains(h.said(), "a restart is needed") {
		t.Errorf("the reload with another cluster's name: %v\n%s", err, out)
	}
	h.base = good
	h.configure("")
	h.Run("systemctl", "reload", "etcdward")
	h.Await(time.Minute, "a status without the refusal", func() bool {
		line := h.show("StatusText")
		return strings.HasPrefix(line, "PROTECTED") && !strings.Contains(line, "refused")
	})
	h.same(t)
}

func (h *host) killed(t *testing.T) {
	h.Run("systemctl", "kill", "--kill-who=main", "--signal=SIGKILL", "etcdward")
	h.replaced()
}

// starved stops the process without ending it: only the watchdog can notice.
func (h *host) starved(t *testing.T) {
	h.Run("systemctl", "kill", "--kill-who=main", "--signal=SIGSTOP", "etcdward")
	h.replaced()
	if !strings.Contains(h.journalctl("-u", "etcdward"), "Watchdog timeout") {
		t.Error("it was not the watchdog")
	}
}

// certificates holds that renewed ones are taken up: systemd hands them over at a start only.
func (h *host) certificates(t *testing.T) {
	h.cluster.RotateCertificates(t)
	h.copyCertificates(t)
	h.replaced()
	h.logged(1, "restart begun between two runs")
	before := strings.Count(h.said(), "snapshot proven")
	h.logged(before+1, "snapshot proven")
	// One that was moved away is no reason to end an agent that has its copy.
	const certificate = "/etc/kubernetes/pki/etcd/healthcheck-client.crt"
	h.Run("mv", certificate, "/root/")
	h.Await(time.Minute, "a restart that does not take place", func() bool {
		return strings.TrimSpace(h.Run("systemctl", "show", "--value", "-p", "ConditionResult", "etcdward-certs.service")) == "no"
	})
	h.same(t)
	h.Run("mv", "/root/healthcheck-client.crt", certificate)
	h.replaced()
	// The keys of a store alone, as a rotation of access keys writes them.
	h.Run("cp", "/root/s3", "/root/s3.new")
	h.Run("mv", "/root/s3.new", "/root/s3")
	h.replaced()
}

// inSnapshot holds up the store and waits until a snapshot is under way.
func (h *host) inSnapshot() {
	h.t.Helper()
	h.valve.set(true)
	// One that was through with the store when it was held up ends at once; one that begins now hangs.
	seen := 0
	h.Await(3*time.Minute, "a snapshot under way", func() bool {
		if seen++; !strings.Contains(h.show("StatusText"), "snapshot is running") {
			seen = 0
		}
		return seen >= 10
	})
}

func (h *host) upgrade(t *testing.T, folder string) {
	h.configure("# edited by the operator\n")
	h.inSnapshot()
	h.aptInstall(t, folder)
	h.Await(time.Minute, "a restart that waits", func() bool { return strings.Contains(h.show("StatusText"), "a restart waits for the end of the run") })
	h.same(t)
	proven := strings.Count(h.said(), "snapshot proven")
	h.valve.set(false)
	h.logged(proven+1, "snapshot proven")
	h.replaced()
	if said := h.said(); strings.Contains(said, "job interrupted") || !strings.Contains(said, "etcdward started version=0.1.1") {
		t.Errorf("the run was interrupted, or the new version does not run:\n%s", said)
	}
	if text := h.Run("cat", "/etc/etcdward/config.yaml"); !strings.Contains(text, "edited by the operator") {
		t.Errorf("the configuration was replaced:\n%s", text)
	}
}

func (h *host) stop(t *testing.T) {
	h.inSnapshot()
	began := time.Now()
	h.Run("systemctl", "stop", "etcdward")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %s to stop", took)
	}
	if result := h.show("Result"); result != "success" {
		t.Errorf("the stop ended with %s", result)
	}
	h.valve.set(false)
}

func (h *host) secrets(t *testing.T) {
	key := strings.Split(h.Run("cat", "/etc/kubernetes/pki/etcd/healthcheck-client.key"), "\n")[1]
	h.Run("systemctl", "start", "etcdward")
	said := h.journalctl("-o", "export") + h.show("StatusText") +
		h.Run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; etcdward config show; etcdward -o json status; find / -xdev -name 'core*' -path '*coredump*'")
	for name, secret := range map[string]string{"S3 key": canary, "etcd key": key} {
		if i := strings.Index(said, secret); i >= 0 {
			t.Errorf("the %s was said: …%s…", name, said[max(0, i-200):i])
		}
	}
}

func (h *host) remove(t *testing.T) {
	h.inSnapshot()
	h.Await(time.Minute, "a snapshot in the spool", func() bool {
		return strings.TrimSpace(h.Run("find", "/var/lib/etcdward/spool", "-type", "f", "!", "-name", ".*")) != ""
	})
	h.Run("dpkg", "--remove", "etcdward")
	h.apt("install")
	if state := h.show("UnitFileState"); state != "enabled" {
		t.Errorf("removed and installed again, the unit is %s", state)
	}
	h.Run("systemctl", "start", "etcdward")
	h.Run("dpkg", "--remove", "etcdward")
	if h.Exists("/usr/bin/etcdward") || !h.Exists("/etc/etcdward/config.yaml") || h.show("ActiveState") == "active" {
		t.Error("after remove: the program is there, the configuration is not, or the agent runs")
	}
	if said := h.Run("dpkg", "--purge", "etcdward"); !strings.Contains(said, "/var/lib/etcdward/spool holds snapshots that no store has") {
		t.Errorf("purge did not say that it keeps the spool:\n%s", said)
	}
	if h.Exists("/etc/etcdward/config.yaml") || h.Exists("/etc/default/etcdward") || !h.Exists("/var/lib/etcdward/spool") {
		t.Error("after purge: the configuration is there, or the spool is not")
	}
	if left := h.Run("sh", "-c", "find /etc/systemd/system -name 'etcdward*' ! -path '*/watchdog.conf' ! -name etcdward.service.d"); left != "" {
		t.Errorf("after purge there are:\n%s", left)
	}
	h.valve.set(false)
	// A host with nothing to lose, whose state has a disk of its own.
	h.Run("sh", "-c", "rm -rf /var/lib/etcdward/* /etc/systemd/system/etcdward.service.d && mount -t tmpfs none /var/lib/etcdward")
	h.apt("install")
	if state := h.show("UnitFileState"); state != "disabled" {
		t.Errorf("purged and installed again, the unit is %s", state)
	}
	if said := h.apt("purge"); strings.Contains(said, "spool") || strings.TrimSpace(h.Run("ls", "-A", "/var/lib/etcdward")) != "" {
		t.Errorf("purge of a host with an empty spool left something:\n%s", said)
	}
}
