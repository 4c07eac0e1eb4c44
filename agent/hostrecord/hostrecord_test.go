package hostrecord

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

var taken = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestSightings(t *testing.T) {
	state, runtime := t.TempDir(), t.TempDir()
	if got, err := Sightings("a", state, runtime); err != nil || len(got) != 0 {
		t.Errorf("without a file: %v, %v", got, err)
	}
	want := map[string]Sighting{"primary": {ID: "x", TakenAt: taken, Revision: 7, Level: 3, KnownSince: taken, SeenAt: taken, ClusterID: "c1"}}
	if err := WriteSightings(runtime, "a", want); err != nil {
		t.Fatal(err)
	}
	if got, err := Sightings("a", state, runtime); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := Sightings("b", state, runtime); err != nil || len(got) != 0 {
		t.Errorf("of another cluster: %v, %v", got, err)
	}
	// The first file is damaged, and the second one stands.
	if err := os.WriteFile(filepath.Join(state, provenFile), []byte(`{"form`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Sightings("a", state, runtime); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := Sightings("a", state); err == nil {
		t.Error("a damaged file passes for none")
	}
}

func TestModes(t *testing.T) {
	for mode, want := range map[os.FileMode]os.FileMode{0o700: 0o600, 0o755: 0o644} {
		folder := t.TempDir()
		if err := os.Chmod(folder, mode); err != nil {
			t.Fatal(err)
		}
		if err := WriteSightings(folder, "a", nil); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(folder, provenFile)); err != nil || info.Mode().Perm() != want {
			t.Errorf("in a folder %v the file is %v, %v", mode, info.Mode(), err)
		}
	}
}

func TestRunningAgent(t *testing.T) {
	folder := t.TempDir()
	if a, err := RunningAgent(folder); a != nil || err != nil {
		t.Errorf("without a file: %v, %v", a, err)
	}
	if err := WriteAgent(folder, "1.2.3", taken); err != nil {
		t.Fatal(err)
	}
	if a, err := RunningAgent(t.TempDir(), folder); err != nil || a == nil || a.PID != os.Getpid() || a.Version != "1.2.3" || !a.Since.Equal(taken) {
		t.Errorf("this process: %+v, %v", a, err)
	}
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	start, err := began(other.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	record := func(began string) {
		if err := write(folder, agentFile, Agent{Format: format, PID: other.Process.Pid, Began: began}); err != nil {
			t.Fatal(err)
		}
	}
	record(start)
	if a, err := RunningAgent(folder); a == nil || err != nil {
		t.Errorf("another process: %v, %v", a, err)
	}
	record(start + "1")
	if a, err := RunningAgent(folder); a != nil || err != nil {
		t.Errorf("a later process with its PID: %v, %v", a, err)
	}
	record(start)
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	if a, err := RunningAgent(folder); a != nil || err != nil {
		t.Errorf("a process that ended: %v, %v", a, err)
	}
	if err := os.WriteFile(filepath.Join(folder, agentFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a, err := RunningAgent(folder); a != nil || err == nil {
		t.Errorf("a damaged record: %v, %v", a, err)
	}
}

func TestTouch(t *testing.T) {
	folder := t.TempDir()
	if got := Touched(folder); !got.IsZero() {
		t.Errorf("nobody did, and it is %s", got)
	}
	if err := Touch(folder); err != nil {
		t.Fatal(err)
	}
	if got := Touched(folder); got.IsZero() {
		t.Error("not seen")
	}
}
