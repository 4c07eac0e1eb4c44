package s3

import (
	"testing"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
)

// TestConformanceVariants runs the suite with what an option or a large object changes.
func TestConformanceVariants(t *testing.T) {
	t.Parallel()
	server := storagetest.VersityGW(t)
	inParts := defaults
	inParts.partSize = 5 << 20
	for name, variant := range map[string]struct {
		change func(*Options)
		tuned  tuning
	}{
		"checksums when required": {func(o *Options) { o.Checksums = "when_required" }, inParts},
		"small parts":             {func(*Options) {}, inParts},
	} {
		t.Run(name, func(t *testing.T) {
			options := newBucket(t, server, withVersions)
			variant.change(&options)
			storagetest.Run(t, func(t *testing.T) storage.Bucket { return openWith(t, below(options, t), variant.tuned) })
		})
	}
}
