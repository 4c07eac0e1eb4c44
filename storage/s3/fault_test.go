package s3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/etcdward/etcdward/storage"
	"github.com/etcdward/etcdward/storage/storagetest"
	"github.com/etcdward/etcdward/test/await"
)

// TestPutFaults spoils the writing of an object in all the ways that a store and a
// network know.
func TestPutFaults(t *testing.T) {
	server := storagetest.VersityGW(t)
	small, large := storagetest.Content(100_000, 1), storagetest.Content(12<<20, 1)
	const whole, create, complete = "PUT object", "CreateMultipartUpload", "CompleteMultipartUpload"
	for _, test := range []struct {
		name      string
		content   []byte
		operation string
		times     int
		how       storagetest.Spoiler
		ok        bool
		// requests is how many of an operation there must have been.
		requests map[string]int
	}{
		{"whole: lost reply", small, whole, 1, storagetest.LoseReply, true, map[string]int{whole: 2}},
		{"whole: 409", small, whole, 2, storagetest.RefuseS3(409, "ConditionalRequestConflict", "race"), true, map[string]int{whole: 3}},
		{"whole: 409 for ever", small, whole, 99, storagetest.RefuseS3(409, "ConditionalRequestConflict", "race"), false, map[string]int{whole: conflicts}},
		{"whole: SlowDown", small, whole, 3, storagetest.RefuseS3(503, "SlowDown", "reduce your request rate"), true, map[string]int{whole: 4}},
		{"whole: SlowDown for ever", small, whole, 99, storagetest.RefuseS3(503, "SlowDown", "reduce your request rate"), false, map[string]int{whole: attempts}},
		{"whole: 403", small, whole, 1, storagetest.RefuseS3(403, "AccessDenied", "no"), false, map[string]int{whole: 1}},
		{"parts: lost reply to create", large, create, 1, storagetest.LoseReply, true, map[string]int{create: 2, complete: 1}},
		{"parts: lost reply to a part", large, "UploadPart", 1, storagetest.LoseReply, true, map[string]int{"UploadPart": 4, complete: 1}},
		{"parts: lost reply to complete", large, complete, 1, storagetest.LoseReply, true, map[string]int{create: 1, complete: 2}},
		{"parts: 409", large, complete, 1, storagetest.RefuseS3(409, "ConditionalRequestConflict", "race"), true, map[string]int{create: 2, complete: 2}},
		{"parts: 200 with an error", large, complete, 1, storagetest.RefuseS3(200, "InternalError", "try again"), true, map[string]int{create: 1, complete: 2}},
		{"parts: 200 with an error for ever", large, complete, 99, storagetest.RefuseS3(200, "InternalError", "try again"), false, map[string]int{complete: attempts, "AbortMultipartUpload": 1}},
		{"parts: a part refused", large, "UploadPart", 99, storagetest.RefuseS3(400, "BadDigest", "no"), false, map[string]int{complete: 0, "AbortMultipartUpload": 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server, withVersions)
			bucket := openWith(t, through.Options, quick())
			through.Break(test.operation, test.times, test.how)
			put, err := bucket.Put(t.Context(), storagetest.Upload("key", test.content))
			for name, want := range test.requests {
				if got := through.Count(name); got != want {
					t.Errorf("Put made %d requests %s, want %d", got, name, want)
				}
			}
			through.Mend()
			listed := storagetest.List(t, bucket, "")
			if !test.ok {
				if err == nil || len(listed) != 0 {
					t.Errorf("Put: got error %v and objects %v, want a failure and nothing", err, listed)
				}
				if left := uploads(t, bucket); left != 0 {
					t.Errorf("Put left %d uploads", left)
				}
				return
			}
			if err != nil {
				t.Fatalf("Put: %v", err)
			}
			if len(listed) != 1 || listed[0].Version != put.Version {
				t.Errorf("List: got %v, want %v", listed, put)
			}
			if got := storagetest.Read(t, bucket, put); !bytes.Equal(got, test.content) {
				t.Errorf("Open: got %d bytes, not those that were put", len(got))
			}
		})
	}
}

// uploads counts the unfinished uploads of a bucket.
func uploads(t *testing.T, bucket *Bucket) int {
	t.Helper()
	out, err := bucket.client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &bucket.options.Bucket})
	if err != nil {
		t.Fatal(err)
	}
	return len(out.Uploads)
}

func TestPutDenied(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	bucket := openWith(t, through.Options, quick())
	through.Break("PUT object", 1, storagetest.RefuseS3(403, "AccessDenied", "not you"))
	_, err := bucket.Put(t.Context(), storagetest.Upload("key", nil))
	if !errors.Is(err, storage.ErrDenied) || !strings.Contains(err.Error(), "put key: access denied by the store: AccessDenied: not you (HTTP 403") {
		t.Errorf("Put: got error %v, want ErrDenied with the store's words", err)
	}
	wrong := through.Options
	wrong.Bucket = "no-such-bucket"
	if _, err := openWith(t, wrong, quick()).Open(t.Context(), storage.Object{Key: "key"}); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open in a bucket that is missing: got error %v, want one that is not fs.ErrNotExist", err)
	}
}

// TestOpenCut cuts the connections of a reader.
func TestOpenCut(t *testing.T) {
	server := storagetest.VersityGW(t)
	content := storagetest.Content(1<<20, 1)
	tuned := quick()
	tuned.stall = time.Second / 2 // nothing but a stall takes that long, also where the machine is busy
	for _, test := range []struct {
		name  string
		times int
		how   storagetest.Spoiler
		ok    bool
	}{
		{"cut at once", 3, storagetest.CutAfter(0), true},
		{"cut in the middle", 5, storagetest.CutAfter(100_000), true},
		{"stalled", 2, storagetest.StallAfter(100_000), true},
		{"cut for ever", 99, storagetest.CutAfter(1000), false},
		{"not the range that was asked for", 99, func(p *storagetest.Front, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			storagetest.CutAfter(100_000)(p, w, r)
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			through := newProxy(t, server, withVersions)
			// What is written has the time that it needs, and leaves the reader no connection.
			obj := storagetest.Put(t, openWith(t, through.Options, quick()), "key", content)
			bucket := openWith(t, through.Options, tuned)
			through.Break("GET object", test.times, test.how)
			if err := storagetest.ReadCut(t, bucket, obj, content, test.ok); err != nil {
				t.Error(err)
			}
			if n := through.Count("GET object"); n > resumptions+1+attempts {
				t.Errorf("read: made %d requests", n)
			}
		})
	}
}

// TestStalled has a store that takes requests and never answers.
func TestStalled(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), plain)
	tuned := quick()
	tuned.stall = 200 * time.Millisecond
	bucket := openWith(t, through.Options, tuned)
	through.Break("PUT object", 99, func(_ *storagetest.Front, _ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	if _, err := bucket.Put(t.Context(), storagetest.Upload("key", []byte("x"))); err == nil {
		t.Error("Put: got no error")
	}
	// The client gives a request up also where the store has not come to see it yet.
	await.Until(t, 20*time.Second, "every attempt at the store", func() bool { return through.Count("PUT object") >= attempts })
	if got := through.Count("PUT object"); got != attempts {
		t.Errorf("Put: made %d requests, want %d", got, attempts)
	}
}

// TestListBroken has stores whose listings do not end, do not go on, or are out of order.
func TestListBroken(t *testing.T) {
	server := storagetest.VersityGW(t)
	listing := func(rest string, keys ...string) string {
		text := "<ListBucketResult>" + rest
		for _, key := range keys {
			text += "<Contents><Key>" + key + "</Key><Size>1</Size></Contents>"
		}
		return text + "</ListBucketResult>"
	}
	for name, test := range map[string]struct {
		answer string
		want   string
	}{
		"never ends":   {listing("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>", "a", "b"), "makes no progress"},
		"no way on":    {listing("<IsTruncated>true</IsTruncated>", "a"), "does not say where"},
		"out of order": {listing("<IsTruncated>false</IsTruncated>", "b", "a"), `lists "a" after "b"`},
		"repeats":      {listing("<IsTruncated>false</IsTruncated>", "a", "a", "b"), ""},
		"foreign keys": {listing("<EncodingType>url</EncodingType>", "a", "a%0Ab", "a//b", "b"), ""},
		"encoded":      {listing("<EncodingType>url</EncodingType>", "%61", "b"), ""},
	} {
		through := newProxy(t, server, plain)
		bucket := openWith(t, through.Options, quick())
		through.Break("ListObjectsV2", 99, storagetest.Document(test.answer))
		var keys []string
		var last error
		for obj, err := range bucket.List(t.Context(), "") {
			if last = err; err == nil {
				keys = append(keys, obj.Key)
			}
		}
		if test.want == "" && (last != nil || !slices.Equal(keys, []string{"a", "b"})) {
			t.Errorf("%s: got %q and error %v, want a and b", name, keys, last)
		}
		if test.want != "" && (last == nil || !strings.Contains(last.Error(), test.want)) {
			t.Errorf("%s: got error %v, want %q", name, last, test.want)
		}
	}
}

// TestVersionPages has a history that goes over a page's end.
func TestVersionPages(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 22, 10, 0, second, 0, time.UTC) }
	entry := func(kind, key, id string, latest bool, second int) string {
		return fmt.Sprintf("<%s><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%v</IsLatest><LastModified>%s</LastModified></%[1]s>",
			kind, key, id, latest, at(second).Format(time.RFC3339))
	}
	first := "<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>b</NextKeyMarker><NextVersionIdMarker>b2</NextVersionIdMarker>" +
		entry("Version", "a", "a1", true, 1) + entry("Version", "b", "b3", false, 30) + entry("Version", "b", "b2", false, 20) +
		entry("DeleteMarker", "b", "gone", true, 40) + "</ListVersionsResult>"
	second := "<ListVersionsResult><IsTruncated>false</IsTruncated>" + entry("Version", "b", "b2", false, 20) +
		entry("Version", "b", "b1", false, 10) + entry("Version", "c", "c1", true, 5) + "</ListVersionsResult>"

	through := newProxy(t, storagetest.VersityGW(t), withVersions)
	bucket := openWith(t, through.Options, quick())
	for _, test := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "a1 c1"}, {at(0), ""}, {at(4), "a1"}, {at(5), "a1 c1"}, {at(9), "a1 c1"}, {at(10), "a1 b1 c1"},
		{at(25), "a1 b2 c1"}, {at(39), "a1 b3 c1"}, {at(40), "a1 c1"},
	} {
		through.Break("ListObjectVersions", 99, func(p *storagetest.Front, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("key-marker") == "b" {
				storagetest.Document(second)(p, w, r)
			} else {
				storagetest.Document(first)(p, w, r)
			}
		})
		var got []string
		for obj, err := range bucket.ListAt(t.Context(), "", test.at) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, obj.Version)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("ListAt %v: got %q, want %q", test.at, got, test.want)
		}
	}
}

// TestPastUntold holds that what is current does not pass for the past where the store keeps silent about versions.
func TestPastUntold(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), withVersions)
	bucket := openWith(t, through.Options, quick())
	storagetest.Put(t, bucket, "key", []byte("x"))
	through.Break("GET versioning", 99, storagetest.RefuseS3(403, "AccessDenied", "Access Denied"))
	silent := openWith(t, through.Options, quick())
	var got error
	for _, err := range silent.ListAt(t.Context(), "", time.Now()) {
		got = err
	}
	if !errors.Is(got, storage.ErrDenied) || !strings.Contains(got.Error(), "s3:GetBucketVersioning") {
		t.Errorf("the past is listed with %v", got)
	}
	for _, err := range silent.List(t.Context(), "") {
		if err != nil {
			t.Errorf("the present is listed with %v", err)
		}
	}
}

// TestDeleteRefused has the refusals that look alike.
func TestDeleteRefused(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), withVersions)
	bucket := openWith(t, through.Options, quick())
	obj := storagetest.Put(t, bucket, "key", []byte("x"))
	for name, test := range map[string]struct {
		status  int
		code    string
		message string
		want    error
	}{
		"denied":          {403, "AccessDenied", "Access Denied", storage.ErrDenied},
		"MFA delete":      {403, "AccessDenied", "Mfa Authentication must be used for this request", storage.ErrDenied},
		"locked at AWS":   {403, "AccessDenied", "Access Denied because object protected by object lock.", storage.ErrLocked},
		"locked at MinIO": {400, "InvalidRequest", "Object is WORM protected and cannot be overwritten", storage.ErrLocked},
		"gone":            {404, "NoSuchVersion", "no such version", nil},
	} {
		through.Break("DELETE object", 99, storagetest.RefuseS3(test.status, test.code, test.message))
		if err := bucket.Delete(t.Context(), obj); !errors.Is(err, test.want) {
			t.Errorf("Delete, %s: got error %v, want %v", name, err, test.want)
		}
		through.Break("DeleteObjects", 99, storagetest.Document(fmt.Sprintf(
			"<DeleteResult><Error><Key>key</Key><VersionId>%s</VersionId><Code>%s</Code><Message>%s</Message></Error></DeleteResult>",
			obj.Version, test.code, test.message)))
		errs := bucket.DeleteAll(t.Context(), []storage.Object{{Key: "other", Version: obj.Version}, obj})
		if errs[0] != nil || !errors.Is(errs[1], test.want) {
			t.Errorf("DeleteAll, %s: got errors %v, want nil and %v", name, errs, test.want)
		}
	}
	// An error for an object that nobody named leaves no doubt unsaid.
	through.Break("DeleteObjects", 1, storagetest.Document("<DeleteResult><Error><Key>?</Key><Code>Odd</Code></Error></DeleteResult>"))
	if errs := bucket.DeleteAll(t.Context(), []storage.Object{obj}); errs[0] == nil {
		t.Error("DeleteAll with an error for a stranger: got none")
	}
	// A store without this request.
	through.Break("DeleteObjects", 99, storagetest.RefuseS3(501, "NotImplemented", "no"))
	if errs := bucket.DeleteAll(t.Context(), []storage.Object{obj}); errs[0] != nil || through.Count("DELETE object") != 1 {
		t.Errorf("DeleteAll without DeleteObjects: got %v", errs)
	}
	if listed := storagetest.List(t, bucket, ""); len(listed) != 0 {
		t.Errorf("List: got %v, want nothing", listed)
	}
}

// TestVersioningUnknown has a store that does not tell whether it keeps versions.
func TestVersioningUnknown(t *testing.T) {
	server := storagetest.VersityGW(t)
	for _, status := range []int{403, 501} {
		for _, kind := range []bucketKind{plain, withVersions} {
			through := newProxy(t, server, kind)
			bucket := openWith(t, through.Options, quick())
			through.Break("GET versioning", 99, storagetest.RefuseS3(status, "No", "no"))
			put := storagetest.Put(t, bucket, "key", []byte("x"))
			listed := storagetest.List(t, bucket, "")
			if len(listed) != 1 || put.Version != "" || listed[0].Version != "" {
				t.Errorf("%v: Put gave version %q, List %v, want none", kind, put.Version, listed)
			}
			if err := bucket.Delete(t.Context(), put); err != nil {
				t.Errorf("%v: Delete: %v", kind, err)
			}
			if kind == withVersions {
				wantVersions(t, bucket, 0)
			}
			properties, err := bucket.Inspect(t.Context())
			if err != nil || properties.Versioning.State != storage.Unknown {
				t.Errorf("Inspect: got %v, error %v, want unknown", properties.Versioning, err)
			}
		}
	}
}

// TestVersioningAskedAgain has a store that was away when it was asked first.
func TestVersioningAskedAgain(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), withVersions)
	bucket := openWith(t, through.Options, quick())
	through.Break("GET versioning", attempts, storagetest.RefuseS3(503, "SlowDown", "later"))
	for _, err := range bucket.List(t.Context(), "") {
		if err == nil {
			t.Error("List while the store is away: got an object")
		}
	}
	if put := storagetest.Put(t, bucket, "key", nil); put.Version == "" {
		t.Error("Put, once it is back: got no version")
	}
}

// wantVersions counts versions and markers.
func wantVersions(t *testing.T, bucket *Bucket, want int) {
	t.Helper()
	out, err := bucket.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket.options.Bucket, Prefix: bucket.name("")})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(out.Versions) + len(out.DeleteMarkers); got != want {
		t.Errorf("the bucket keeps %d versions and markers, want %d", got, want)
	}
}

// TestPartsCreateOnly has somebody else be faster while the parts are sent.
func TestPartsCreateOnly(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), withVersions)
	bucket := openWith(t, through.Options, quick())
	through.Break("CompleteMultipartUpload", 1, func(p *storagetest.Front, w http.ResponseWriter, r *http.Request) {
		if _, err := bucket.Put(r.Context(), storagetest.Upload("key", []byte("first"))); err != nil {
			t.Errorf("Put of the other: %v", err)
		}
		p.Store.ServeHTTP(w, r)
	})
	if _, err := bucket.Put(t.Context(), storagetest.Upload("key", storagetest.Content(6<<20, 1))); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Put: got error %v, want fs.ErrExist", err)
	}
	if got := storagetest.Read(t, bucket, storage.Object{Key: "key"}); string(got) != "first" {
		t.Errorf("Open: got %d bytes, want those of the other", len(got))
	}
	if left := uploads(t, bucket); left != 0 {
		t.Errorf("Put left %d uploads", left)
	}
}

// TestLockedWithoutWords has a store that refuses without saying why: the object tells.
func TestLockedWithoutWords(t *testing.T) {
	through := newProxy(t, storagetest.VersityGW(t), withLock)
	free := openWith(t, through.Options, quick())
	through.Lock, through.LockDays = "governance", 1
	locked := storagetest.Put(t, openWith(t, through.Options, quick()), "locked", nil)
	other := storagetest.Put(t, free, "free", nil)
	through.Break("DELETE object", 99, storagetest.RefuseS3(403, "AccessDenied", "Access Denied"))
	if err := free.Delete(t.Context(), locked); !errors.Is(err, storage.ErrLocked) {
		t.Errorf("Delete of a locked object: got error %v, want ErrLocked", err)
	}
	if err := free.Delete(t.Context(), other); !errors.Is(err, storage.ErrDenied) || errors.Is(err, storage.ErrLocked) {
		t.Errorf("Delete of one that is not: got error %v, want ErrDenied", err)
	}
}
