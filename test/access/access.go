// Package access lets other users into the folders of a test. It changes nothing that is not the test's own.
package access

import (
	"os"
	"path/filepath"
	"testing"
)

// Open lets every user into a folder of a test, which is below the folder for temporary files. Where others do not get even there, the test is skipped.
func Open(t testing.TB, folder string) {
	t.Helper()
	temp := filepath.Clean(os.TempDir())
	above := filepath.Clean(folder)
	for ; above != temp; above = filepath.Dir(above) {
		if above == filepath.Dir(above) {
			t.Fatalf("access: %s is not below %s", folder, temp)
		}
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for ; above != filepath.Dir(above); above = filepath.Dir(above) {
		found, err := os.Stat(above)
		if err != nil {
			t.Fatal(err)
		}
		if found.Mode().Perm()&0o001 == 0 {
			t.Skipf("NOT TESTED: what another user may: nobody but its owner gets into %s", above)
		}
	}
}
