package cluster

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// process is a child that dies with this one.
type process struct {
	pid  int
	proc *os.Process
	done chan struct{} // closed once the child was waited for
}

// startProcess runs a program with both outputs in log.
//
// The kernel sends the parent-death signal when the *thread* that forked ends,
// and Go ends a thread whose goroutine exits while locked to it. So the fork
// happens on a thread of its own, which is held until the child is gone.
func startProcess(path string, args []string, log *os.File) (*process, error) {
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // the end was wanted, or shows as a member that does not serve
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	p.pid, p.proc = cmd.Process.Pid, cmd.Process
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal returns os.ErrProcessDone when the process has ended.
func (p *process) signal(sig syscall.Signal) error { return p.proc.Signal(sig) }

func (p *process) kill() {
	_ = p.signal(syscall.SIGKILL) // an error says that it has ended already
	<-p.done
}

// frozen reports whether SIGSTOP has taken effect.
func (p *process) frozen() (bool, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return false, err
	}
	// "pid (name) state ...", where the name may hold anything, even ')'.
	_, state, ok := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	if !ok || len(state) == 0 {
		return false, fmt.Errorf("parse state of process %d: %q", p.pid, stat)
	}
	return state[0] == 'T', nil
}
