package setup

import (
	"fmt"
	"path/filepath"

	"github.com/etcdward/etcdward/agent/config"
	"github.com/etcdward/etcdward/agent/fault"
	"github.com/etcdward/etcdward/agent/setup/unit"
)

// Request is what is asked for. What its zero values leave open comes from the configuration of the host, from what is found on it, or
// from answers.
type Request struct {
	// Config is the path of the configuration. Below a Root it is one of the host.
	Config string
	// Name of the cluster.
	Name string

	// Where etcd is: found, unless given here.
	Endpoints                 []string
	CAFile, CertFile, KeyFile string

	// Stores: each kind whose bucket or folder is given. The Keys are the files with their credentials; "": what the host offers.
	S3        config.S3
	S3Keys    string
	GCS       config.GCS
	GCSKeys   string
	Directory string

	Recipients []string
	// Credentials are NAME=PATH, for the names in the configuration that setup does not know.
	Credentials []string

	// Root of the host's files, "/" for this host. Below another one nothing is started.
	Root string
	// Attended reports whether somebody is there to answer questions. Otherwise Yes has to be set, and nothing may be left open.
	Attended, Yes            bool
	DryRun, NoStart, NoCheck bool
	// Advise returns the way out of errors that do not bring their own; nil, or "": there is none.
	Advise func(error) string
}

// hasStore reports whether a store is asked for.
func (r Request) hasStore() bool { return r.S3.Bucket != "" || r.GCS.Bucket != "" || r.Directory != "" }

// advise returns the way out of an error; "": nobody knows one.
func (r Request) advise(err error) string {
	if hint := fault.Hint(err); hint != "" || r.Advise == nil {
		return hint
	}
	return r.Advise(err)
}

// mayWrite refuses early if the caller lacks the rights to finish.
func mayWrite(euid int, r Request) error {
	if euid != 0 && r.Root == "/" && !r.DryRun {
		return fault.WithHint(fmt.Errorf("only root can write the configuration and read etcd's keys"),
			"repeat it with sudo; --dry-run shows what it would do")
	}
	return nil
}

// configOnHost returns the path of the configuration on the host. The agent's unit reads one place alone. A configuration elsewhere has
// another reader, so starting the agent would not use it.
func (r Request) configOnHost() (string, error) {
	path := r.Config
	if r.Root != "/" {
		path = filepath.Join("/", path)
	}
	path, err := filepath.Abs(path)
	if err != nil || path == unit.Config || r.NoStart || r.Root != "/" {
		return path, err
	}
	return "", fault.WithHint(fault.Usage(fmt.Errorf("the agent of this host reads %s, and not %s", unit.Config, path)),
		"leave out --config and $ETCDWARD_CONFIG; or repeat with --no-start, which writes that file alone, and no drop-ins")
}
