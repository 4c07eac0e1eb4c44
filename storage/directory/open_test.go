package directory

import "testing"

// open returns an empty bucket. At the end of the test it must hold no partial file.
func open(t *testing.T) *Bucket {
	t.Helper()
	bucket, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range partials(t, bucket) {
			t.Errorf("the partial file %s was left", name)
		}
		if err := bucket.Close(); err != nil {
			t.Error(err)
		}
	})
	return bucket
}
