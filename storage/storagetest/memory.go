package storagetest

import (
	"crypto/md5" //nolint:gosec // the protocol's ETag is an MD5
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// MemoryS3 is a small S3 server whose one bucket, of any name, lies in memory. It keeps no versions, believes every
// signature, and so can be as wrong as no real server can be made to be.
type MemoryS3 struct {
	// IgnoreCreateOnly makes it overwrite in spite of If-None-Match, as some gateways do.
	IgnoreCreateOnly bool

	mu      sync.Mutex
	objects map[string]stored
	uploads map[string]*upload
	next    int
}

type stored struct {
	content  []byte
	etag     string
	header   http.Header
	modified time.Time
}

type upload struct {
	key    string
	header http.Header
	parts  map[int][]byte
	begun  time.Time
}

// Memory starts a MemoryS3 with a front before it, and stops both when the test ends.
func Memory(t *testing.T) (*Front, *MemoryS3) {
	t.Helper()
	m := &MemoryS3{objects: map[string]stored{}, uploads: map[string]*upload{}}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	return BeforeS3(t, Server{Endpoint: server.URL, Region: "us-east-1", AccessKey: "test-access", SecretKey: "test-secret"}), m
}

// Age makes an unfinished upload look as old as that.
func (m *MemoryS3) Age(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, up := range m.uploads {
		up.begun = up.begun.Add(-by)
	}
}

// ServeHTTP implements http.Handler.
func (m *MemoryS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		body = unchunk(body)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch S3Operation(r) {
	case "GET versioning":
		answerXML(w, "VersioningConfiguration", "")
	case "ListObjectsV2":
		m.list(w, r.URL.Query())
	case "PUT object":
		m.put(w, r, key, body, etagOf(body))
	case "GET object", "HEAD object":
		m.get(w, r, key)
	case "DELETE object":
		delete(m.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case "DeleteObjects":
		m.deleteMany(w, body)
	case "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "ListMultipartUploads":
		m.multipart(w, r, key, body)
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (m *MemoryS3) put(w http.ResponseWriter, r *http.Request, key string, content []byte, etag string) bool {
	if _, there := m.objects[key]; there && r.Header.Get("If-None-Match") == "*" && !m.IgnoreCreateOnly {
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	m.objects[key] = stored{content, etag, r.Header.Clone(), time.Now().UTC()}
	w.Header().Set("ETag", etag)
	return true
}

func (m *MemoryS3) get(w http.ResponseWriter, r *http.Request, key string) {
	obj, there := m.objects[key]
	if !there {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	for name, values := range obj.header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			w.Header()[name] = values
		}
	}
	w.Header().Set("ETag", obj.etag)
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", obj.modified, strings.NewReader(string(obj.content)))
}

func (m *MemoryS3) list(w http.ResponseWriter, q url.Values) {
	const page = 1000
	var text strings.Builder
	n, last := 0, ""
	for _, key := range slices.Sorted(maps.Keys(m.objects)) {
		if !strings.HasPrefix(key, q.Get("prefix")) || key <= q.Get("continuation-token") {
			continue
		}
		if n == page {
			fmt.Fprintf(&text, "<IsTruncated>true</IsTruncated><NextContinuationToken>%s</NextContinuationToken>", escape(last))
			break
		}
		obj := m.objects[key]
		fmt.Fprintf(&text, "<Contents><Key>%s</Key><Size>%d</Size><ETag>%s</ETag><LastModified>%s</LastModified></Contents>",
			escape(url.QueryEscape(key)), len(obj.content), escape(obj.etag), obj.modified.Format("2006-01-02T15:04:05.000Z"))
		n, last = n+1, key
	}
	answerXML(w, "ListBucketResult", "<EncodingType>url</EncodingType>"+text.String())
}

func (m *MemoryS3) deleteMany(w http.ResponseWriter, body []byte) {
	var doomed struct {
		Object []struct{ Key string }
	}
	if err := xml.Unmarshal(body, &doomed); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	for _, obj := range doomed.Object {
		delete(m.objects, obj.Key)
	}
	answerXML(w, "DeleteResult", "")
}

func etagOf(content []byte) string {
	sum := md5.Sum(content) //nolint:gosec // as above
	return strconv.Quote(hex.EncodeToString(sum[:]))
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code></Error>`, code)
}

func answerXML(w http.ResponseWriter, root, content string) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%[1]s>`, root, content)
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}
