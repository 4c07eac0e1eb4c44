package discover

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// host is files by their paths.
func host(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range files {
		root[strings.TrimPrefix(name, "/")] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const (
	secureFlags = "--name=a --data-dir=/d --listen-client-urls=https://127.0.0.1:2379 --trusted-ca-file=/pki/ca.crt --client-cert-auth"
)

var pki = map[string]string{"/pki/ca.crt": "", "/pki/c.crt": "", "/pki/c.key": ""}

// rancherAt is a server of Rancher's in a folder.
func rancherAt(home string) map[string]string {
	return map[string]string{home + "/server/db/etcd/config": "name: s\ndata-dir: " + home + "/server/db/etcd\nlisten-client-urls: https://127.0.0.1:2379\nclient-transport-security: {client-cert-auth: true}\n",
		home + "/server/tls/etcd/server-ca.crt": "", home + "/server/tls/etcd/client.crt": "", home + "/server/tls/etcd/client.key": ""}
}

// TestKinds finds etcd where each distribution keeps it, however it was told so.
func TestKinds(t *testing.T) {
	k0s := map[string]string{"/var/lib/k0s/etcd/member/snap/db": "", "/var/lib/k0s/pki/etcd/ca.crt": "", "/var/lib/k0s/pki/apiserver-etcd-client.crt": "", "/var/lib/k0s/pki/apiserver-etcd-client.key": "", "/etc/hostname": "c1\n"}
	snap := map[string]string{"/var/snap/k8s/common/args/kube-apiserver": "--etcd-servers=\"https://10.0.0.1:2379\"\n--etcd-cafile=/pki/ca.crt\n--etcd-certfile=/pki/c.crt\n--etcd-keyfile=/pki/c.key\n",
		"/var/snap/k8s/common/var/lib/etcd/etcd.yaml": "name: n1\ndata-dir: /var/snap/k8s/common/var/lib/etcd/data\nlisten-client-urls: https://10.0.0.1:2379\n"}
	kops := map[string]string{"/etc/kubernetes/manifests/etcd-main.manifest": "kind: Pod\nspec: {containers: [{name: etcd-manager, command: [/bin/sh, -c, 'exec /etcd-manager --data-dir=/d']}]}",
		"/etc/kubernetes/manifests/kube-apiserver.manifest": "kind: Pod\nspec: {containers: [{name: kube-apiserver, command: [/go-runner, --log-file=/l, /usr/local/bin/kube-apiserver], args: [--etcd-servers=https://127.0.0.1:4001, '--etcd-servers-overrides=/events#https://127.0.0.1:4002', --etcd-cafile=/pki/ca.crt, --etcd-certfile=/pki/c.crt, --etcd-keyfile=/pki/c.key]}]}"}
	for name, c := range map[string]struct {
		files []map[string]string
		want  string // kind, member, data directory, endpoint
		note  string
	}{
		"k0s": {[]map[string]string{k0s}, "k0s c1 /var/lib/k0s/etcd https://127.0.0.1:2379", ""},
		"k0s, elsewhere": {[]map[string]string{{"/etc/systemd/system/k0scontroller.service": "[Service]\nExecStart=/usr/local/bin/k0s controller --data-dir=/srv/k0s --config=/srv/k0s.yaml\n",
			"/srv/k0s.yaml":            "spec: {storage: {type: etcd, etcd: {extraArgs: {name: x, listen-client-urls: 'https://127.0.0.1:12379'}}}}",
			"/srv/k0s/pki/etcd/ca.crt": "", "/srv/k0s/pki/apiserver-etcd-client.crt": "", "/srv/k0s/pki/apiserver-etcd-client.key": ""}}, "k0s x /srv/k0s/etcd https://127.0.0.1:12379", ""},
		"Canonical's k8s snap":            {[]map[string]string{snap, pki}, "Canonical's k8s snap n1 /var/snap/k8s/common/var/lib/etcd/data https://10.0.0.1:2379", ""},
		"kops":                            {[]map[string]string{kops, pki}, "kops   https://127.0.0.1:4001", "etcd-manager"},
		"kops' events":                    {[]map[string]string{kops, pki}, "kops   https://127.0.0.1:4001", "/events#https://127.0.0.1:4002"},
		"RHEL":                            {[]map[string]string{{"/etc/etcd/etcd.conf": "#[Member]\nETCD_NAME=\"r1\"\nETCD_DATA_DIR=\"/var/lib/etcd/default.etcd\"\nETCD_LISTEN_CLIENT_URLS=\"http://localhost:2379\"\n"}}, "RHEL r1 /var/lib/etcd/default.etcd http://localhost:2379", ""},
		"RHEL, as it came with its unit":  {[]map[string]string{{"/etc/etcd/etcd.conf": "ETCD_NAME=default\n", "/usr/lib/systemd/system/etcd.service": "[Service]\nEnvironmentFile=-/etc/etcd/etcd.conf\nExecStart=/bin/bash -c \"GOMAXPROCS=$(nproc) /usr/bin/etcd --name=\\\"${ETCD_NAME}\\\"\"\n"}}, "RHEL default /var/lib/etcd/default.etcd http://localhost:2379", ""},
		"a unit with flags":               {[]map[string]string{{"/etc/systemd/system/my-etcd.service": "[Service]\nEnvironment=\"ETCDCTL_CERT=/pki/c.crt\" ETCDCTL_KEY=/pki/c.key\nExecStart=/opt/etcd/etcd " + strings.ReplaceAll(secureFlags, " ", " \\\n  ") + "\n"}, pki}, "systemd a /d https://127.0.0.1:2379", ""},
		"a unit with a file of variables": {[]map[string]string{{"/etc/systemd/system/etcd.service": "[Service]\nEnvironmentFile=-/etc/etcd/my.env\nExecStart=/usr/local/bin/etcd\n", "/etc/etcd/my.env": "ETCD_NAME=b\nETCD_DATA_DIR=/b\nETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379\n"}}, "systemd b /b http://127.0.0.1:2379", ""},
		"a unit with a configuration":     {[]map[string]string{{"/etc/systemd/system/etcd.service": "[Service]\nExecStart=/usr/local/bin/etcd --config-file /etc/etcd.yml\n", "/etc/etcd.yml": "name: c\ndata-dir: /c\nlisten-client-urls: http://127.0.0.1:2379\n"}}, "systemd c /c http://127.0.0.1:2379", ""},
		"a unit with a drop-in":           {[]map[string]string{{"/lib/systemd/system/etcd.service": "[Service]\nExecStart=/usr/bin/etcd\n", "/etc/systemd/system/etcd.service.d/x.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --name=%p-%H --data-dir=/e --listen-client-urls=http://127.0.0.1:2379\n", "/etc/hostname": "h1\n"}}, "systemd etcd-h1 /e http://127.0.0.1:2379", ""},
		"a unit with a shell":             {[]map[string]string{{"/etc/systemd/system/etcd.service": "[Service]\nExecStart=/bin/sh -c 'exec /usr/bin/etcd --name=f --data-dir=/f --listen-client-urls=http://127.0.0.1:2379 2>&1'\n"}}, "systemd f /f http://127.0.0.1:2379", ""},
		"Debian's with a unit beside":     {[]map[string]string{{"/etc/default/etcd": "# as it came\n", "/etc/systemd/system/etcd.service": "[Service]\nExecStart=/usr/bin/etcd --name=g --data-dir=/g --listen-client-urls=http://127.0.0.1:2379\n"}}, "systemd g /g http://127.0.0.1:2379", ""},
		"Debian's with its own unit":      {[]map[string]string{{"/etc/default/etcd": "ETCD_NAME=d\n", "/lib/systemd/system/etcd.service": "[Service]\nEnvironment=ETCD_NAME=%H\nEnvironmentFile=-/etc/default/%p\nExecStart=/usr/bin/etcd $DAEMON_ARGS\n"}}, "Debian d /var/lib/etcd/default http://localhost:2379", ""},
		"Debian's with a drop-in": {[]map[string]string{{"/etc/default/etcd": "# as it came\n", "/lib/systemd/system/etcd.service": "[Service]\nEnvironment=ETCD_NAME=%H\nEnvironmentFile=-/etc/default/%p\nExecStart=/usr/bin/etcd $DAEMON_ARGS\n",
			"/etc/systemd/system/etcd.service.d/x.conf": "[Service]\nEnvironment=ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:4001\n", "/etc/hostname": "h1\n"}}, "Debian h1 /var/lib/etcd/default http://127.0.0.1:4001", ""},
		"kube-apiserver as a unit":            {[]map[string]string{{"/etc/systemd/system/kube-apiserver.service": "[Service]\nExecStart=/usr/local/bin/kube-apiserver \\\n  --etcd-servers=https://10.0.0.1:2379 \\\n  --etcd-cafile=/pki/ca.crt --etcd-certfile=/pki/c.crt --etcd-keyfile=/pki/c.key\n"}, pki}, "kube-apiserver   https://10.0.0.1:2379", "etcd runs on other hosts"},
		"units of others that cannot be read": {[]map[string]string{k0s, {"/etc/systemd/system/x.service": "[Service]\nEnvironmentFile=/etc/x.env\nExecStart=/x\n", "/etc/x.env": "no line\n"}}, "k0s c1 /var/lib/k0s/etcd https://127.0.0.1:2379", ""},
		"k3s by its unit":                     {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--data-dir' \\\n\t'/srv/k3s' \\\n\t'--cluster-init' \\\n\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"k3s by -d":                           {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s server -d /srv/k3s\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"k3s by its environment":              {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nEnvironmentFile=-/etc/default/%N\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server\n", "/etc/systemd/system/k3s.service.env": "K3S_TOKEN='x'\nK3S_DATA_DIR='/srv/k3s'\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"k3s by a drop-in of its unit":        {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s server\n", "/etc/systemd/system/k3s.service.d/10.conf": "[Service]\nEnvironment=K3S_DATA_DIR=/srv/k3s\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"k3s by another config":               {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s server --config /srv/k3s.yaml\n", "/srv/k3s.yaml": "data-dir: /srv/k3s\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"the unit before the config":          {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s server --data-dir=/srv/k3s\n", "/etc/rancher/k3s/config.yaml": "data-dir: /srv/other\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"the config before the environment":   {[]map[string]string{rancherAt("/srv/k3s"), {"/etc/systemd/system/k3s.service": "[Service]\nEnvironment=K3S_DATA_DIR=/srv/other\nExecStart=/usr/local/bin/k3s server\n", "/etc/rancher/k3s/config.yaml": "data-dir: /srv/k3s\n"}}, "k3s s /srv/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"RKE2 by config.yaml.d":               {[]map[string]string{rancherAt("/srv/rke2"), {"/etc/rancher/rke2/config.yaml": "# empty\n", "/etc/rancher/rke2/config.yaml.d/10.yaml": "", "/etc/rancher/rke2/config.yaml.d/20.yml": "data-dir: /srv/rke2\n", "/etc/rancher/rke2/config.yaml.d/30.yaml.bak": "data-dir: here\n"}}, "RKE2 s /srv/rke2/server/db/etcd https://127.0.0.1:2379", ""},
		"RKE2 by its environment":             {[]map[string]string{rancherAt("/srv/rke2"), {"/usr/local/lib/systemd/system/rke2-server.service": "[Service]\nEnvironmentFile=-/etc/default/%N\nExecStart=/usr/local/bin/rke2 server\n", "/etc/default/rke2-server": "RKE2_DATA_DIR=/srv/rke2\n"}}, "RKE2 s /srv/rke2/server/db/etcd https://127.0.0.1:2379", ""},
		"an empty config of k3s":              {[]map[string]string{rancherAt("/var/lib/rancher/k3s"), {"/etc/rancher/k3s/config.yaml": "---\n# nothing\n"}}, "k3s s /var/lib/rancher/k3s/server/db/etcd https://127.0.0.1:2379", ""},
		"a leftover of RKE2":                  {[]map[string]string{rancherAt("/var/lib/rancher/k3s"), {"/var/lib/rancher/rke2/agent/x": ""}}, "k3s s /var/lib/rancher/k3s/server/db/etcd https://127.0.0.1:2379", "RKE2 on this host is an agent"},
		"a leftover of kubespray":             {[]map[string]string{rancherAt("/var/lib/rancher/k3s"), {"/etc/etcd.env": "ETCD_NAME=x\nETCD_LISTEN_CLIENT_URLS=https://127.0.0.1:2379\nETCD_TRUSTED_CA_FILE=/gone.pem\n"}}, "k3s s /var/lib/rancher/k3s/server/db/etcd https://127.0.0.1:2379", "/gone.pem is not there"},
		"a leftover of k0s":                   {[]map[string]string{rancherAt("/var/lib/rancher/k3s"), {"/var/lib/k0s/kubelet/x": ""}}, "k3s s /var/lib/rancher/k3s/server/db/etcd https://127.0.0.1:2379", "k0s on this host is a worker"},
		"a leftover of MicroK8s":              {[]map[string]string{rancherAt("/var/lib/rancher/rke2"), {"/var/snap/microk8s/current/args/kube-apiserver": "--etcd-servers=unix:///x\n"}}, "RKE2 s /var/lib/rancher/rke2/server/db/etcd https://127.0.0.1:2379", "MicroK8s"},
		"a package as it came":                {[]map[string]string{k0s, {"/etc/default/etcd": "# as it came\n"}}, "k0s c1 /var/lib/k0s/etcd https://127.0.0.1:2379", ""},
		"two that are in use":                 {[]map[string]string{k0s, {"/etc/default/etcd": "ETCD_NAME=d\nETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:4001\n"}}, "k0s c1 /var/lib/k0s/etcd https://127.0.0.1:2379", "Debian also tells of an etcd, http://127.0.0.1:4001"},
	} {
		t.Run(name, func(t *testing.T) {
			all := map[string]string{}
			for _, files := range c.files {
				for name, text := range files {
					all[name] = text
				}
			}
			h, err := Find(host(all))
			if err != nil {
				t.Fatal(err)
			}
			got := string(h.Kind) + " " + h.Member + " " + h.DataDir + " " + h.Endpoints[0]
			if got != c.want || !strings.Contains(strings.Join(h.Notes, "\n"), c.note) {
				t.Errorf("got  %s\nwant %s\nnotes %q", got, c.want, h.Notes)
			}
			if len(h.Seen) == 0 {
				t.Error("it does not say where it saw that")
			}
		})
	}
}

// TestToldTruly holds that a host whose etcd is none to look after hears what it is, and what to do.
func TestToldTruly(t *testing.T) {
	for name, c := range map[string]struct {
		files        map[string]string
		kind         Kind
		says, advice string
	}{
		"MicroK8s":              {map[string]string{"/var/snap/microk8s/current/args/kube-apiserver": "--etcd-servers=\"unix://${SNAP_DATA}/var/kubernetes/backend/kine.sock:12379\"\n"}, MicroK8s, "dqlite", "microk8s dbctl backup"},
		"the k8s snap":          {map[string]string{"/var/snap/k8s/common/args/kube-apiserver": "--etcd-servers=unix:///var/snap/k8s/common/var/lib/k8s-dqlite/k8s-dqlite.sock\n"}, K8sSnap, "dqlite", "datastore-type: etcd"},
		"RKE1":                  {map[string]string{"/etc/kubernetes/ssl/kube-etcd-10-0-0-1.pem": "", "/etc/kubernetes/ssl/kube-etcd-10-0-0-1-key.pem": "", "/etc/kubernetes/ssl/kube-ca.pem": ""}, RKE1, "RKE1", "--cert-file /etc/kubernetes/ssl/kube-etcd-10-0-0-1.pem --key-file /etc/kubernetes/ssl/kube-etcd-10-0-0-1-key.pem"},
		"k0s with SQLite":       {map[string]string{"/var/lib/k0s/db/state.db": "", "/var/lib/k0s/pki/ca.crt": ""}, K0s, "SQLite", "k0s backup"},
		"k0s with an etcd away": {map[string]string{"/etc/k0s/k0s.yaml": "spec: {storage: {etcd: {externalCluster: {endpoints: [x]}}}}"}, K0s, "externalCluster", "--endpoint"},
		"k0s, a worker":         {map[string]string{"/var/lib/k0s/kubelet/config": ""}, K0s, "worker", "controllers"},
		"k3s told by its unit of a datastore": {map[string]string{"/etc/systemd/system/k3s.service": "[Service]\nExecStart=/usr/local/bin/k3s server --datastore-endpoint='mysql://u:n0t-t0-be-sh0wn@db/k3s'\n",
			"/var/lib/rancher/k3s/server/x": ""}, K3s, "a datastore elsewhere", "--endpoint"},
		"k3s told by its environment": {map[string]string{"/etc/systemd/system/k3s.service": "[Service]\nEnvironmentFile=/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s server\n",
			"/etc/systemd/system/k3s.service.env": "K3S_DATASTORE_ENDPOINT='mysql://u:n0t-t0-be-sh0wn@db/k3s'\n"}, K3s, "a datastore elsewhere", "--endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Find(host(c.files))
			var n *Nothing
			if !errors.As(err, &n) || n.Kind != c.kind || !strings.Contains(n.Reason, c.says) || !strings.Contains(n.Advice, c.advice) || len(n.Seen) == 0 {
				t.Fatalf("got %#v", err)
			}
			if strings.Contains(n.Reason+n.Advice+strings.Join(n.Seen, " "), "n0t-t0-be-sh0wn") {
				t.Error("a password was shown")
			}
		})
	}
}

// TestManifests finds the manifest by what it runs, and stops where it cannot know what etcd was told.
func TestManifests(t *testing.T) {
	etcd := func(container string) string {
		return "kind: Pod\nspec:\n  hostNetwork: true\n  containers:\n  - " + container + "\n"
	}
	direct := etcd("{command: [etcd, --name=a, --data-dir=/d, --listen-client-urls=http://127.0.0.1:2379]}")
	const folder = "/etc/kubernetes/manifests/"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"another name":               {map[string]string{folder + "10-etcd.yml": direct}, "a /d http://127.0.0.1:2379"},
		"an ending of its own":       {map[string]string{folder + "database.manifest": direct}, "a /d http://127.0.0.1:2379"},
		"no ending":                  {map[string]string{folder + "etcd": direct}, "a /d http://127.0.0.1:2379"},
		"another folder":             {map[string]string{"/var/lib/kubelet/config.yaml": "staticPodPath: /srv/pods\n", "/srv/pods/x.yaml": direct}, "a /d http://127.0.0.1:2379"},
		"a file that begins with .":  {map[string]string{folder + ".etcd.yaml": direct}, "nothing"},
		"a copy that is the same":    {map[string]string{folder + "etcd.yaml": direct, folder + "etcd.yaml.bak": direct}, "a /d http://127.0.0.1:2379 note 2 manifests run etcd"},
		"a copy that differs":        {map[string]string{folder + "etcd.yaml": direct, folder + "etcd.yaml.bak": strings.ReplaceAll(direct, "/d,", "/e,")}, "problem /etc/kubernetes/manifests/etcd.yaml: /etc/kubernetes/manifests/etcd.yaml.bak runs etcd as well"},
		"a wrapper":                  {map[string]string{folder + "etcd.yaml": etcd("{name: etcd, command: [/start.sh, --name=a]}")}, "problem /etc/kubernetes/manifests/etcd.yaml:5: it runs etcd by what cannot be read here"},
		"a wrapper, and Debian's":    {map[string]string{folder + "etcd.yaml": etcd("{name: etcd, command: [/start.sh]}"), "/etc/default/etcd": "ETCD_NAME=x\n"}, "problem /etc/kubernetes/manifests/etcd.yaml:5:"},
		"a wrapper, and k3s' agent":  {map[string]string{folder + "etcd.yaml": etcd("{name: etcd, command: [/start.sh]}"), "/var/lib/rancher/k3s/agent/x": ""}, "problem /etc/kubernetes/manifests/etcd.yaml:5:"},
		"an image's own command":     {map[string]string{folder + "etcd.yaml": etcd("{name: etcd, image: etcd, env: [{name: ETCD_NAME, value: a}, {name: ETCD_DATA_DIR, value: /d}, {name: ETCD_LISTEN_CLIENT_URLS, value: 'http://127.0.0.1:2379'}]}")}, "a /d http://127.0.0.1:2379"},
		"a name of nobody":           {map[string]string{folder + "etcd.yaml": etcd("{command: [etcd, --name=$(N), --listen-client-urls=http://127.0.0.1:2379]}")}, "problem /etc/kubernetes/manifests/etcd.yaml:5: --name: \"$(N)\" has a variable"},
		"an address of nobody":       {map[string]string{folder + "etcd.yaml": etcd("{command: [etcd, --name=a, --data-dir=/d, '--listen-client-urls=http://$(IP):2379,http://127.0.0.1:2379']}")}, "a /d http://127.0.0.1:2379"},
		"that address alone":         {map[string]string{folder + "etcd.yaml": etcd("{command: [etcd, --name=a, --data-dir=/d, '--listen-client-urls=http://$(IP):2379']}")}, "problem /etc/kubernetes/manifests/etcd.yaml:5: --listen-client-urls:"},
		"envFrom":                    {map[string]string{folder + "etcd.yaml": etcd("{command: [etcd, --name=a, --data-dir=/d], envFrom: [{secretRef: {name: x}}]}")}, "problem /etc/kubernetes/manifests/etcd.yaml: --listen-client-urls may be given where it cannot be read: line 5: envFrom"},
		"envFrom, and all is said":   {map[string]string{folder + "etcd.yaml": etcd("{command: [etcd, --name=a, --data-dir=/d, --listen-client-urls=http://127.0.0.1:2379], envFrom: [{secretRef: {name: x}}]}")}, "a /d http://127.0.0.1:2379 note etcd may be told more"},
		"the node's name":            {map[string]string{"/etc/hostname": "CP-7\n", folder + "etcd.yaml": etcd("{command: [sh, -c, 'exec etcd --name=$(hostname) --data-dir=/d --listen-client-urls=http://127.0.0.1:2379']}")}, "cp-7 /d http://127.0.0.1:2379"},
		"two documents":              {map[string]string{folder + "etcd.yaml": direct + "---\n" + direct}, "a /d http://127.0.0.1:2379 note more than one document"},
		"a data directory in memory": {map[string]string{folder + "etcd.yaml": "kind: Pod\nspec:\n  containers:\n  - command: [etcd, --name=a, --data-dir=/d, --listen-client-urls=http://127.0.0.1:2379]\n    volumeMounts: [{name: x, mountPath: /d}]\n  volumes: [{name: x, emptyDir: {}}]\n"}, "a  http://127.0.0.1:2379 note on no folder of this host"},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := Find(host(c.files))
			var got string
			var nothing *Nothing
			switch {
			case errors.As(err, &nothing):
				got = "nothing"
			case err != nil:
				got = "problem " + err.Error()
			default:
				got = h.Member + " " + h.DataDir + " " + h.Endpoints[0]
			}
			want, note, _ := strings.Cut(c.want, " note ")
			if got != want && !(err != nil && strings.HasPrefix(got, want)) || !strings.Contains(strings.Join(h.Notes, "\n"), note) {
				t.Errorf("got  %s\nwant %s\nnotes %q", got, c.want, h.Notes)
			}
		})
	}
}
